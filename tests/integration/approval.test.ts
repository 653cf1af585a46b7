/** Calls that wait for a person, in every dialect: asked about in the answer, decided by the next message or elsewhere. */
import { join } from 'node:path';
import type OpenAI from 'openai';
import { waitUntil } from '../../scripts/src/processes';
import { gate } from '../../scripts/src/gate';
import { root } from '../../scripts/src/paths';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { chatDriver } from '../support/dialects/chat-driver';
import type { Call, Driver, Exchange, Said } from '../support/dialects/driver';
import { generateContentDriver } from '../support/dialects/generate-content-driver';
import { messagesDriver } from '../support/dialects/messages-driver';
import { responsesDriver } from '../support/dialects/responses-driver';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { secret, startStack, type Stack } from '../support/stack';

const main = join(root, 'hook-service', 'dist', 'main.js');
const drivers = [chatDriver, responsesDriver, messagesDriver, generateContentDriver];
const ways = drivers.flatMap((driver) => [
  { name: driver.dialect, driver, stream: false },
  { name: `${driver.dialect}, streaming`, driver, stream: true },
]);

let model: ScriptedModel;
let files: HttpFixture;
let stack: Stack;
let forgetful: Stack;
/** Opened when the tool may finish whose caller was killed. */
const held = gate();

beforeAll(async () => {
  model = await startScriptedModel({ answer: () => ({ error: 'no script' }) });
  files = await startHttpFixture({
    tools: [
      { name: 'read', handler: (args) => `text of ${String(args['path'])}` },
      {
        name: 'delete',
        handler: async (args) => {
          if (args['path'] === '/lost') await held.opened;
          return `deleted ${String(args['path'])}`;
        },
      },
    ],
  });
  const options = {
    servers: { files: { url: files.url, transport: 'http', require_approval: { always: ['delete'] } } },
    models: drivers.map((driver) => driver.entry(model.url)),
  };
  stack = await startStack({
    ...options,
    toolturn: { approval: [{ tools: ['files__delete'], keys: ['hasty'], expires: '1s' }] },
  });
  forgetful = await startStack({ ...options, toolturn: { memory: 'off' } });
}, 240_000);

afterAll(async () => {
  await stack?.stop();
  await forgetful?.stop();
  await files?.stop();
  await model?.stop();
});

beforeEach(() => {
  model.reset();
  files.calls.length = 0;
});

let number = 0;
const call = (tool: string, path: string): Call => ({
  id: `call_${++number}`,
  name: tool === 'weather' ? 'weather' : `files__${tool}`,
  args: tool === 'weather' ? { city: path } : { path },
});

/** The model says these things, one for each request. */
function scripted(driver: Driver, ...said: Said[]): void {
  const left = [...said];
  model.answerWith(driver.provider(() => left.shift() ?? { text: 'I have nothing to say.' }));
}

function talk(
  { driver, stream }: { driver: Driver; stream: boolean },
  options: { on?: Stack; key?: string; own?: boolean } = {},
) {
  const exchanges: Exchange[] = [];
  const { on = stack, key = 'alice', own = false } = options;
  const conversation = driver.converse({ url: on.url, key: `sk-test-${key}`, stream, own, exchanges });
  return {
    ask: (question: string) => conversation.ask(question),
    answer: (results: readonly string[]) => conversation.answer(results),
    exchanges,
  };
}

const codeIn = (text: string): string => /Code: `([2-9A-Z]{6})`/.exec(text)?.[1] ?? 'none';
const ran = (): string[] =>
  files.calls.map(({ name, arguments: args }) => `${name} ${String(args?.['path'])}`);

async function operator(
  path: string,
  body?: object,
  on: Stack = stack,
): Promise<{ status: number; body: any }> {
  const answer = await fetch(`${on.hook.url}/approvals${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'x-toolturn-secret': secret, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: await answer.json() };
}

describe.each(ways)('a call that wants approval ($name)', (way) => {
  const { driver, stream } = way;

  it('ends the turn with a question, runs once when the next message says yes, and the turn goes on with its result', async () => {
    const path = `/a-${driver.dialect}-${stream}`;
    scripted(
      driver,
      { text: 'I will clean up.', calls: [call('read', path), call('delete', path)] },
      { text: 'It is gone.' },
      { text: 'You are welcome.' },
    );
    const { ask, exchanges } = talk(way);
    const asked = await ask('Delete that file.');
    expect(asked.text).toMatch(/^I will clean up\.\n\n\*\*May this call run\?\*\*\n\n`delete` of `files`/);
    expect(asked.text).toContain(`"path": "${path}"`);
    expect(codeIn(asked.text)).not.toBe('none');
    expect([asked.calls, asked.reason]).toEqual([[], driver.ends.finished]);
    // What needs no approval has run beside it.
    expect(ran()).toEqual([`read ${path}`]);

    const answer = await ask('Yes, please!');
    expect(answer.text).toBe('It is gone.');
    expect(ran()).toEqual([`read ${path}`, `delete ${path}`]);
    const seen = driver.entriesOf(model.requests[1]!);
    expect(seen).toEqual([
      ['question', 'Delete that file.'],
      ['text', 'I will clean up.'],
      ['call', 'files__read', { path }],
      ['call', 'files__delete', { path }],
      ['result', `text of ${path}`],
      ['result', `(A person was asked about this call and approved it.)\ndeleted ${path}`],
      ['question', 'Yes, please!'],
    ]);

    await ask('Thanks.');
    const later = driver.messagesOf(model.requests[2]!);
    const before = driver.messagesOf(model.requests[1]!);
    expect(later.slice(0, before.length)).toEqual(before);
    expect(model.requests.map((request) => driver.requestProblems(request))).toEqual([[], [], []]);
    const problems = exchanges.map(async ({ body }) => driver.answerProblems(await body, stream));
    expect(await Promise.all(problems)).toEqual([[], [], []]);
    expect(ran()).toHaveLength(2);
  });

  it('does not run when the next message declines, and the model reads why', async () => {
    const path = `/b-${driver.dialect}-${stream}`;
    scripted(driver, { calls: [call('delete', path)] }, { text: 'I left it.' });
    const { ask } = talk(way);
    await ask('Delete that file.');
    expect((await ask('No, keep it.')).text).toBe('I left it.');
    expect(driver.entriesOf(model.requests[1]!)).toEqual([
      ['question', 'Delete that file.'],
      ['call', 'files__delete', { path }],
      ['result', expect.stringContaining('the person who was asked declined it')],
      ['question', 'No, keep it.'],
    ]);
    expect(ran()).toEqual([]);
  });

  it('does not run for a yes with a condition: the model reads it and asks anew for what is wanted', async () => {
    const path = `/c-${driver.dialect}-${stream}`;
    scripted(
      driver,
      { calls: [call('delete', path)] },
      { calls: [call('delete', `${path}.old`)] },
      { text: 'Done.' },
    );
    const { ask } = talk(way);
    const first = await ask('Delete that file.');
    const second = await ask('Yes, but the old one.');
    expect(ran()).toEqual([]);
    expect(second.text).toContain(`"path": "${path}.old"`);
    expect(codeIn(second.text)).not.toBe(codeIn(first.text));
    expect((await ask(`approve ${codeIn(second.text)}`)).text).toBe('Done.');
    expect(ran()).toEqual([`delete ${path}.old`]);
  });

  it('runs when it was approved elsewhere, whatever the next message says but no', async () => {
    const path = `/e-${driver.dialect}-${stream}`;
    scripted(driver, { calls: [call('delete', path)] }, { text: 'Done.' });
    const { ask } = talk(way);
    const code = codeIn((await ask('Delete that file.')).text);
    const list = await operator('');
    expect(list.body.approvals).toContainEqual(
      expect.objectContaining({ code, state: 'waiting', key_alias: 'alice', user: 'user-alice' }),
    );
    expect(await operator(`/${code.toLowerCase()}`, { decision: 'approve', by: 'ann' })).toMatchObject({
      status: 200,
      body: { state: 'approved' },
    });
    expect(await operator(`/${code}`, { decision: 'decline', by: 'bob' })).toMatchObject({ status: 409 });
    expect(ran()).toEqual([]);
    expect((await ask('And now?')).text).toBe('Done.');
    expect(ran()).toEqual([`delete ${path}`]);
  });

  it('is told to have expired when the yes comes too late', async () => {
    const path = `/f-${driver.dialect}-${stream}`;
    scripted(driver, { calls: [call('delete', path)] }, { text: 'Too late.' });
    const { ask } = talk(way, { key: 'hasty' });
    const code = codeIn((await ask('Delete that file.')).text);
    const waits = async () =>
      (await operator('')).body.approvals.some((each: { code: string }) => each.code === code);
    await waitUntil(async () => !(await waits()), { timeoutMs: 20_000, what: 'the end of the question' });
    expect((await ask('yes')).text).toBe('Too late.');
    expect(driver.entriesOf(model.requests[1]!)).toContainEqual([
      'result',
      expect.stringMatching(/nobody approved it within 1 minute/),
    ]);
    expect(ran()).toEqual([]);
  });

  it('works with memory off', async () => {
    const path = `/g-${driver.dialect}-${stream}`;
    scripted(driver, { calls: [call('delete', path)] }, { text: 'Done.' });
    const { ask } = talk(way, { on: forgetful });
    await ask('Delete that file.');
    expect((await ask('ok')).text).toBe('Done.');
    expect(ran()).toEqual([`delete ${path}`]);
  });

  it('waits for the client’s own calls of the same round, and is asked about behind them', async () => {
    const path = `/h-${driver.dialect}-${stream}`;
    scripted(
      driver,
      { calls: [call('delete', path), call('weather', 'Bern')] },
      { calls: [call('delete', path)] },
      { text: 'Done.' },
    );
    const { ask, answer } = talk(way, { own: true });
    const mixed = await ask('Delete that file if it rains.');
    expect(mixed.calls.map(({ name }) => name)).toEqual(['weather']);
    const asked = await answer(['It rains.']);
    expect(asked.text).toContain('May this call run?');
    expect((await ask('yes')).text).toBe('Done.');
    expect(model.requests.map((request) => driver.requestProblems(request))).toEqual([[], [], []]);
    expect(ran()).toEqual([`delete ${path}`]);
  });
});

/** A chat request as a client sends it. */
async function chat(messages: object[], options: { key?: string; on?: Stack } = {}): Promise<string> {
  const { key = 'alice', on = stack } = options;
  const answer = await on.client(key).chat.completions.create({ model: 'chat', messages: messages as never });
  return answer.choices[0]?.message.content ?? '';
}

/** Brings a conversation to its question; the model then answers with the results it was given. */
async function toQuestion(path: string, options: { key?: string; on?: Stack } = {}) {
  const entry = call('delete', path);
  const question = { role: 'user', content: `Delete ${path}.` };
  model.answerWith(
    chatDriver.provider(({ results }) =>
      results.length === 0 || !results.join().includes('call')
        ? { calls: [entry] }
        : { text: `The model read: ${results.join(' | ')}` },
    ),
  );
  const said = await chat([question], options);
  return { code: codeIn(said), said, history: [question, { role: 'assistant', content: said }] };
}

const yes = { role: 'user', content: 'yes' };

describe('an approved call', () => {
  it('runs once however often and wherever it is approved, and all get its result', async () => {
    const { history, code } = await toQuestion('/twice');
    await operator(`/${code}`, { decision: 'approve' });
    const answers = await Promise.all([1, 2, 3].map(() => chat([...history, yes])));
    for (const answer of answers) expect(answer).toContain('deleted /twice');
    expect(await chat([...history, yes])).toContain('deleted /twice');
    expect(ran()).toEqual(['delete /twice']);
  });

  it('is found by its code where the client has changed the words around it', async () => {
    const { said, history } = await toQuestion('/reworded');
    const changed = { role: 'assistant', content: `> ${said.replaceAll('*', '').replace('May', 'Might')}` };
    expect(await chat([history[0]!, changed, yes])).toContain('deleted /reworded');
    expect(ran()).toEqual(['delete /reworded']);
  });

  it('waits over a restart of hook-service', async () => {
    const { history } = await toQuestion('/restart');
    await stack.hook.stop();
    stack.hook = await stack.startHook();
    expect(await chat([...history, yes])).toContain('deleted /restart');
    expect(ran()).toEqual(['delete /restart']);
  });

  it('whose hook-service is killed meanwhile gets one error, and is not run again', async () => {
    const { history } = await toQuestion('/lost');
    const lost = chat([...history, yes]).catch((error: unknown) => error);
    await waitUntil(async () => ran().length === 1, { timeoutMs: 20_000, what: 'the call' });
    process.kill(stack.hook.pid, 'SIGKILL');
    expect(await lost).toMatchObject({ status: 503, message: expect.stringContaining('Toolturn was lost') });
    held.open();
    await stack.hook.stop();
    stack.hook = await stack.startHook();
    expect(await chat([...history, yes])).toContain('It is not known whether the call of delete ran');
    expect(ran()).toEqual(['delete /lost']);
  }, 60_000);

  it('is not approved by another key that knows its question and its code', async () => {
    const { history, code } = await toQuestion('/other');
    for (const content of ['yes', code, `approve ${code}`])
      await chat([...history, { role: 'user', content }], { key: 'mallory' });
    expect(ran()).toEqual([]);
    expect(await chat([...history, yes])).toContain('deleted /other');
  });
});

/** One request of the Responses API that goes on by the id of the answer before it. */
async function respond(
  input: string,
  previous?: string,
  stream = false,
): Promise<{ id: string; text: string }> {
  const client = stack.client();
  const body = {
    model: 'responses',
    input,
    ...(previous === undefined ? {} : { previous_response_id: previous }),
  };
  const response = stream
    ? await client.responses.stream(body).finalResponse()
    : await client.responses.create(body);
  return { id: response.id, text: response.output_text };
}

describe('a conversation that the provider keeps', () => {
  it.each([false, true])('goes on behind an approved call (streaming: %s)', async (stream) => {
    const path = `/kept-${stream}`;
    scripted(
      responsesDriver,
      { text: 'First a look.', calls: [call('read', path)] },
      { calls: [call('delete', path)] },
      { text: 'It is gone.' },
      { text: 'Sure.' },
    );
    const asked = await respond('Delete that file.', undefined, stream);
    expect(asked.text).toContain('May this call run?');
    const done = await respond('yes', asked.id, stream);
    expect(done.text).toBe('It is gone.');
    expect(ran()).toEqual([`read ${path}`, `delete ${path}`]);
    const items = (model.requests[2]!.body as { input: Record<string, unknown>[] }).input;
    expect(items.map(({ type, role }) => type ?? role)).toEqual(['function_call_output', 'user']);
    expect((await respond('Thanks.', done.id, stream)).text).toBe('Sure.');
    expect(model.requests.map((request) => responsesDriver.requestProblems(request)).flat()).toEqual([]);
  });
});

describe('the command line', () => {
  const toolturn = async (...args: string[]): Promise<{ out: string; err: string; code: number }> => {
    const { execFile } = await import('node:child_process');
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [main, 'approve', ...args, '--url', stack.hook.url],
        { env: { ...process.env, TOOLTURN_SECRET: secret, USER: 'ann' }, timeout: 60_000 },
        (error, out, err) => resolve({ out, err, code: typeof error?.code === 'number' ? error.code : 0 }),
      );
    });
  };

  it('lists what waits, approves it once, and the conversation goes on', async () => {
    const { history, code } = await toQuestion('/cli');
    expect((await toolturn()).out).toMatch(
      new RegExp(`${code} +waiting +\\S+ +user-alice +files\\.delete +\\{`),
    );
    expect(await toolturn(code)).toMatchObject({
      out: 'Approved: files.delete. It runs when the conversation goes on.\n',
      code: 0,
    });
    expect((await toolturn()).out).toContain(`${code}  approved`);
    expect(await toolturn(code, '--decline')).toMatchObject({
      err: 'toolturn: The call was approved before by ann (cli).\n',
      code: 3,
    });
    expect(ran()).toEqual([]);
    expect(await chat([...history, { role: 'user', content: 'Well?' }])).toContain('deleted /cli');
    expect((await toolturn()).out).not.toContain(code);
  });

  it('declines with words that the model reads', async () => {
    const { history, code } = await toQuestion('/cli-no');
    const { out } = await toolturn(code, '--decline', '--reason', 'Not on a Friday.');
    expect(out).toBe('Declined: files.delete.\n');
    expect(await chat([...history, yes])).toContain('Their words: Not on a Friday.');
    expect(ran()).toEqual([]);
  });

  it('says so where there is no such question, or no secret', async () => {
    expect(await toolturn('AAAAAA')).toMatchObject({
      err: expect.stringMatching(/No question with this code/),
      code: 3,
    });
    expect(await toolturn('--decline')).toMatchObject({
      err: expect.stringMatching(/Name the code/),
      code: 2,
    });
    const answer = await fetch(`${stack.hook.url}/approvals`);
    expect(answer.status).toBe(401);
  });
});

describe('what is written down', () => {
  it('names who was asked, who decided, and counts it', async () => {
    const { history, code } = await toQuestion('/audited', { key: 'carol' });
    await operator(`/${code}`, { decision: 'approve', by: 'ann' });
    await chat([...history, yes], { key: 'carol' });
    const entries = async (): Promise<any[]> => {
      const answer = await fetch(`${stack.hook.url}/audit?who=carol`, {
        headers: { 'x-toolturn-secret': secret },
      });
      return ((await answer.json()) as { entries: any[] }).entries;
    };
    await waitUntil(async () => (await entries()).length >= 3, {
      timeoutMs: 20_000,
      what: 'the audit trail',
    });
    const all = (await entries()).reverse();
    expect(all.map(({ decision, by, question, tool }) => ({ decision, by, question, tool }))).toEqual([
      { decision: 'asked', by: undefined, question: code, tool: 'files__delete' },
      { decision: 'approved', by: 'http: ann', question: code, tool: 'files__delete' },
      { decision: 'allowed', by: undefined, question: undefined, tool: 'files__delete' },
    ]);
    expect(new Set(all.map(({ arguments_hash: hash }) => hash)).size).toBe(1);
    const page = await fetch(`${stack.hook.url}/metrics`, { headers: { 'x-toolturn-secret': secret } });
    const text = await page.text();
    for (const state of ['asked', 'approved'])
      expect(text).toMatch(new RegExp(`^toolturn_approvals_${state}_total [1-9]`, 'm'));
  });
});

describe('a client of the Responses API that sees native items', () => {
  type Item = Record<string, any>;
  const headers = { 'x-toolturn-surface': 'native' };
  const send = async (body: object, stream: boolean): Promise<{ id: string; output: Item[] }> => {
    const client = stack.client();
    const whole = { model: 'responses', ...body } as OpenAI.Responses.ResponseCreateParamsNonStreaming;
    const response = stream
      ? await client.responses.stream(whole as never, { headers }).finalResponse()
      : await client.responses.create(whole, { headers });
    return { id: response.id, output: response.output as Item[] };
  };
  const approval = (item: Item | undefined, approve: boolean, reason?: string): Item => ({
    type: 'mcp_approval_response',
    approval_request_id: item?.['id'],
    approve,
    ...(reason === undefined ? {} : { reason }),
  });
  const ways = [
    { stream: false, keeps: true },
    { stream: true, keeps: true },
    { stream: false, keeps: false },
    { stream: true, keeps: false },
  ];

  it.each(ways)(
    'is asked with mcp_approval_request, answers each call, and goes on (streaming: $stream, kept by the provider: $keeps)',
    async ({ stream, keeps }) => {
      const path = `/native-${stream}-${keeps}`;
      scripted(
        responsesDriver,
        { text: 'I will delete two.', calls: [call('delete', `${path}/1`), call('delete', `${path}/2`)] },
        { text: 'One is gone.' },
        { text: 'Sure.' },
      );
      const question = { role: 'user', content: `Delete ${path}.` };
      const first = await send({ input: [question] }, stream);
      const asked = first.output.filter(({ type }) => type === 'mcp_approval_request');
      expect(asked).toEqual(
        [1, 2].map((n) => ({
          id: expect.stringMatching(/^mcpr_toolturn_[2-9A-Z]{6}_\d$/),
          type: 'mcp_approval_request',
          server_label: 'files',
          name: 'delete',
          arguments: `{"path":"${path}/${n}"}`,
        })),
      );
      expect(JSON.stringify(first.output)).not.toContain('May this call run');
      const replies = [approval(asked[0], true), approval(asked[1], false, 'That one is mine.')];
      const history = [question, ...first.output, ...replies];
      const second = await send(
        keeps ? { input: replies, previous_response_id: first.id } : { input: history },
        stream,
      );
      expect(JSON.stringify(second.output)).toContain('One is gone.');
      expect(ran()).toEqual([`delete ${path}/1`]);
      const results = inputOf(model.requests[1]!).filter(({ type }) => type === 'function_call_output');
      expect(results.map(({ output }) => output)).toEqual([
        expect.stringContaining(`deleted ${path}/1`),
        expect.stringContaining('Their words: That one is mine.'),
      ]);
      const thanks = { role: 'user', content: 'Thanks.' };
      await send(
        keeps
          ? { input: [thanks], previous_response_id: second.id }
          : { input: [...history, ...second.output, thanks] },
        stream,
      );
      expect(JSON.stringify(model.requests.map(({ body }) => body))).not.toMatch(/mcp_approval|mcpr_/);
      expect(model.requests.flatMap((request) => responsesDriver.requestProblems(request))).toEqual([]);
      expect(ran()).toHaveLength(1);
    },
  );

  it('may ask for approval of tools that the config leaves alone', async () => {
    scripted(responsesDriver, { calls: [call('read', '/asked')] }, { text: 'Read.' });
    const tools = [
      {
        type: 'mcp',
        server_label: 'files',
        server_url: 'litellm_proxy/mcp/files',
        require_approval: 'always',
      },
    ];
    const first = await send({ input: 'Read it.', tools }, false);
    const [asked] = first.output.filter(({ type }) => type === 'mcp_approval_request');
    expect(asked).toMatchObject({ name: 'read' });
    expect(ran()).toEqual([]);
    await send({ input: [approval(asked, true)], previous_response_id: first.id, tools }, false);
    expect(ran()).toEqual(['read /asked']);
  });
});

const inputOf = (request: { body: object }): Record<string, any>[] =>
  (request.body as { input: Record<string, any>[] }).input;
