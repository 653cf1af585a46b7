/**
 * LiteLLM's Generic Guardrail API, which asks hook-service about tools of clients. LiteLLM 1.77.3 does not have it: what
 * needs it runs with a newer one (`./scripts/test newest-litellm`).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { venvDir } from '../../scripts/src/paths';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startLoneHook, type LoneHook } from '../support/lone-hook';
import { secret, startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

const path = '/beta/litellm_basic_guardrail_api';
const lib = join(venvDir(), 'lib');
const hasApi = readdirSync(lib).some((python) =>
  existsSync(
    join(lib, python, 'site-packages/litellm/proxy/guardrails/guardrail_hooks/generic_guardrail_api'),
  ),
);
const client_tools = {
  rules: [{ keys: ['ada'], deny: ['*shell*'] }],
  urls: { 'web_*': 'public' },
  hidden_text: 'strip',
};
const tool = (name: string) => ({
  type: 'function' as const,
  function: { name, parameters: { type: 'object', properties: {} } },
});

describe('the route', () => {
  let lone: LoneHook;
  beforeAll(async () => void (lone = await startLoneHook({ toolturn: { client_tools } })), 60_000);
  afterAll(() => lone?.stop());

  const who = { user_api_key_hash: 'hash-of-ada', user_api_key_alias: 'ada' };
  const judged = async (part: object, headers: Record<string, string> = {}) => {
    const answer = await lone.post(path, { request_data: who, ...part }, headers);
    return [answer.status, await answer.json()] as [number, any];
  };

  it('takes the shared secret in x-api-key too, and answers nobody without it', async () => {
    const post = (headers: Record<string, string>) =>
      fetch(`${lone.hook.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ input_type: 'request', request_data: {}, texts: ['secret words'] }),
      });
    const statuses = [{}, { 'x-api-key': 'wrong' }, { 'x-api-key': secret }].map(
      async (headers) => (await post(headers as Record<string, string>)).status,
    );
    expect(await Promise.all(statuses)).toEqual([401, 401, 200]);
    expect(await (await post({})).text()).not.toContain('secret words');
  });

  it('answers in the form of LiteLLM: NONE, GUARDRAIL_INTERVENED with what has changed, BLOCKED with a reason', async () => {
    expect(await judged({ input_type: 'request', texts: ['hello'], tools: [tool('read')] })).toEqual([
      200,
      { action: 'NONE' },
    ]);
    expect(
      await judged({ input_type: 'request', texts: ['a\u202eb'], tools: [tool('read'), tool('shell')] }),
    ).toEqual([200, { action: 'GUARDRAIL_INTERVENED', texts: ['ab'], tools: [tool('read')] }]);
    const tool_calls = [{ id: 'c', type: 'function', function: { name: 'shell', arguments: '{}' } }];
    expect(await judged({ input_type: 'response', texts: [], tool_calls })).toEqual([
      200,
      { action: 'BLOCKED', blocked_reason: expect.stringContaining('"shell"') },
    ]);
  });

  it('goes by the key, team and user that LiteLLM names', async () => {
    const tools = [tool('read'), tool('shell')];
    const other = { user_api_key_alias: 'eve' };
    expect(await judged({ input_type: 'request', tools, request_data: other })).toEqual([
      200,
      { action: 'NONE' },
    ]);
  });

  it('says what is wrong with a request that it does not understand', async () => {
    expect(await judged({ input_type: 'nonsense' })).toMatchObject([
      400,
      { error: { message: expect.stringContaining('input_type') } },
    ]);
    expect((await lone.post(path, '{"input_type"')).status).toBe(400);
  });
});

describe('LiteLLM that asks it', () => {
  // Without the API there is nothing to test; the door does the same there (client-tools.test.ts).
  const test = hasApi ? it : it.skip;
  let notes: HttpFixture;
  let stack: Stack;
  let judge: LoneHook;

  beforeAll(async () => {
    if (!hasApi) return;
    notes = await startHttpFixture({ tools: [{ name: 'echo', handler: () => 'an echo' }] });
    judge = await startLoneHook({
      servers: { notes: { url: notes.url, transport: 'http' } },
      toolturn: { client_tools },
    });
    const guardrail = {
      guardrail_name: 'client-tools',
      litellm_params: {
        guardrail: 'generic_guardrail_api',
        mode: ['pre_call', 'post_call'],
        api_base: judge.hook.url,
        api_key: 'os.environ/TOOLTURN_SECRET',
        extra_headers: ['x-toolturn-continuation'],
        default_on: true,
      },
    };
    stack = await startStack({
      servers: { notes: { url: notes.url, transport: 'http' } },
      guardrailsBefore: [guardrail],
    });
  }, 180_000);

  afterAll(async () => {
    await stack?.stop();
    await judge?.stop();
    await notes?.stop();
  });

  beforeEach(() => void (stack && (stack.model.requests.length = 0)));

  const ask = (tools: string[], key = 'ada', more: object = {}) =>
    stack.client(key).chat.completions.create({
      model: 'demo',
      messages: [{ role: 'user', content: 'Do\u202e it.' }],
      tools: tools.map(tool),
      ...more,
    });

  test('keeps tools from the model that the key may not use, with hidden characters, and ours are offered all the same', async () => {
    stack.model.answerWith(() => ({ text: 'done' }));
    await ask(['read', 'my_shell']);
    await ask(['read', 'my_shell'], 'eve');
    expect(stack.model.requests.map((request) => toolNames(request))).toEqual([
      ['read', 'notes__echo'],
      ['read', 'my_shell', 'notes__echo'],
    ]);
    expect(JSON.stringify(stack.model.requests[0]?.body)).toContain('Do it.');
  });

  test('refuses a request of which no tool would be left', async () => {
    await expect(ask(['my_shell'])).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('my_shell'),
    });
    expect(stack.model.requests).toHaveLength(0);
  });

  test('lets a whole turn of ours through, with a call of ours in each round', async () => {
    stack.model.answerWith((request) =>
      roundsBehind(request) < 2
        ? { toolCalls: [{ name: 'notes__echo', arguments: {} }] }
        : { text: lastResults(request).join() },
    );
    const answer = await ask(['read']);
    expect(answer.choices[0]?.message.content).toBe('an echo');
    expect(stack.model.requests).toHaveLength(3);
  });

  test('blocks an answer with a call whose address leads inside, and lets others through', async () => {
    const calling = (url: string) =>
      stack.model.answerWith(() => ({ toolCalls: [{ name: 'web_get', arguments: { url } }] }));
    calling('http://169.254.169.254/latest');
    await expect(ask(['web_get'], 'eve')).rejects.toMatchObject({
      message: expect.stringContaining('leads into an internal network'),
    });
    calling('https://1.1.1.1/');
    const answer = await ask(['web_get'], 'eve');
    expect(answer.choices[0]?.message.tool_calls).toHaveLength(1);
  });

  test('lets a streamed turn of ours through, and a call of the client’s at its end', async () => {
    stack.model.answerWith((request) => ({
      toolCalls: [{ name: roundsBehind(request) === 0 ? 'notes__echo' : 'read', arguments: {} }],
    }));
    const stream = await stack.client('ada').chat.completions.create({
      model: 'demo',
      stream: true,
      messages: [{ role: 'user', content: 'Do it.' }],
      tools: [tool('read')],
    });
    const chunks: any[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const names = chunks
      .flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? [])
      .map((each) => each.function?.name);
    expect(names.filter((name) => name)).toEqual(['read']);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
  });

  test('blocks such an answer in a stream with an error', async () => {
    stack.model.answerWith(() => ({
      text: 'Let me see.',
      toolCalls: [{ name: 'web_get', arguments: { url: 'http://169.254.169.254/latest' } }],
    }));
    const read = async (): Promise<string> => {
      const answer = await fetch(`${stack.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer sk-test-eve' },
        body: JSON.stringify({
          model: 'demo',
          stream: true,
          messages: [{ role: 'user', content: 'Do it.' }],
          tools: [tool('web_get')],
        }),
      });
      return answer.text();
    };
    expect(await read()).toContain('leads into an internal network');
  });

  test('is refused, and the model is not asked, while hook-service is away', async () => {
    await judge.hook.stop();
    await expect(ask(['read'])).rejects.toThrow();
    expect(stack.model.requests).toHaveLength(0);
    expect(readFileSync(join(stack.dir, 'litellm.log'), 'utf8')).not.toContain(secret);
  });
});
