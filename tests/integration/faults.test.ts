import { gate } from '../../scripts/src/gate';
import { waitUntil } from '../../scripts/src/processes';
import { startRedis } from '../../scripts/src/redis';
import { join } from 'node:path';
import { armedBy, chatRequest, postToHook, withCalls } from '../support/lone-hook';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { all, postSse, type SseEvent } from '../support/sse';
import { secret, startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

/** Asked anew in each test: the same again after a failure would be a retry. */
const asked = (number: number) => ({
  model: 'demo',
  messages: [{ role: 'user' as const, content: `What is word ${number}?` }],
});
let count = 0;
let question = asked(count);

let fixture: HttpFixture;
let stack: Stack;
let wait: () => Promise<string>;

beforeAll(async () => {
  fixture = await startHttpFixture({ tools: [{ name: 'wait', handler: () => wait() }] });
  stack = await startStack({ servers: { notes: { url: fixture.url, transport: 'http' } } });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

beforeEach(async () => {
  question = asked(++count);
  stack.model.reset();
  wait = async () => 'quince';
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0 && toolNames(request).length > 0
      ? { text: 'Let me see.', toolCalls: [{ name: 'notes__wait', arguments: { a: 1 } }] }
      : { text: `It is ${lastResults(request).join()}.` },
  );
  if (!stack.hook.running) stack.hook = await stack.startHook();
});

const stream = (extra: object = {}) =>
  postSse(`${stack.url}/v1/chat/completions`, 'sk-test-alice', { ...question, stream: true, ...extra });
const errorsIn = (events: readonly SseEvent[]): { code: string; message: string }[] =>
  events
    .filter((event) => event.data !== '[DONE]')
    .flatMap((event) => (JSON.parse(event.data) as { error?: never }).error ?? []);
const readiness = async (): Promise<any> => (await fetch(`${stack.hook.url}/health/ready`)).json();

describe('while hook-service is away', () => {
  beforeEach(() => stack.hook.stop());

  it('chat works as without Toolturn, no tools are offered, and headers say so', async () => {
    const { data, response } = await stack.client().chat.completions.create(question).withResponse();
    expect(data.choices[0]?.message.content).toBe(`It is What is word ${count}?.`);
    expect(stack.model.requests[0]?.body).not.toHaveProperty('tools');
    expect(response.headers.get('x-toolturn')).toBe('unavailable');
    expect(response.headers.get('x-litellm-applied-guardrails')).toContain('toolturn-unavailable');
  });

  it('streams work as without Toolturn, and a header says so', async () => {
    const { headers, events } = await stream();
    expect((await all(events)).at(-1)?.data).toBe('[DONE]');
    expect(headers.get('x-litellm-applied-guardrails')).toContain('toolturn-unavailable');
    expect(stack.model.requests[0]?.body).not.toHaveProperty('tools');
  });
});

describe('when hook-service is lost between the offer and the result', () => {
  it('a plain request ends with one clear error and without the call', async () => {
    const working = gate();
    wait = () => {
      working.open();
      return new Promise<string>(() => undefined);
    };
    const attempt = stack.client().chat.completions.create(question);
    await Promise.all([
      working.opened.then(() => stack.hook.stop(0)),
      expect(attempt).rejects.toMatchObject({ status: 503 }),
    ]);
    const error: any = await attempt.catch((caught: unknown) => caught);
    expect(error.message).toContain('Toolturn was lost while a tool was in use');
    expect(JSON.stringify(error.error)).not.toContain('notes__wait');
  });

  it('a stream ends with one error chunk and [DONE], and no chunk holds a call', async () => {
    const working = gate();
    wait = () => {
      working.open();
      return new Promise<string>(() => undefined);
    };
    const { events } = await stream();
    const received = all(events);
    await working.opened;
    await stack.hook.stop(0);
    const seen = await received;
    expect(errorsIn(seen)).toEqual([
      expect.objectContaining({ code: '503', message: expect.stringContaining('Toolturn was lost') }),
    ]);
    expect(seen.at(-1)?.data).toBe('[DONE]');
    expect(JSON.stringify(seen)).not.toContain('notes__wait');
  });

  it('a stream whose first call comes after hook-service has gone ends the same way', async () => {
    const offered = gate();
    const gone = gate();
    stack.model.answerWith(() => ({
      stream: async (out) => {
        out.delta({ role: 'assistant', content: 'Let me see.' });
        offered.open();
        await gone.opened;
        out.delta({
          tool_calls: [
            { index: 0, id: 'call_1', type: 'function', function: { name: 'notes__wait', arguments: '{}' } },
          ],
        });
        out.delta({}, { finishReason: 'tool_calls' });
        out.done();
      },
    }));
    const received = stream().then(({ events }) => all(events));
    await offered.opened;
    await stack.hook.stop();
    gone.open();
    const seen = await received;
    expect(errorsIn(seen)).toHaveLength(1);
    expect(JSON.stringify(seen)).not.toContain('notes__wait');
  });

  it('LiteLLM still logs the tokens of the round that was read to its end', async () => {
    const offered = gate();
    const gone = gate();
    const before = stack.logged().length;
    stack.model.answerWith(() => ({
      stream: async (out) => {
        out.delta({ role: 'assistant', content: 'a' });
        offered.open();
        await gone.opened;
        out.delta({
          tool_calls: [
            { index: 0, id: 'call_1', type: 'function', function: { name: 'notes__wait', arguments: '{}' } },
          ],
        });
        out.delta({}, { finishReason: 'tool_calls' });
        out.usage({ prompt_tokens: 77, completion_tokens: 7 });
        out.done();
      },
    }));
    const received = stream({ stream_options: { include_usage: true } }).then(({ events }) => all(events));
    await offered.opened;
    await stack.hook.stop();
    gone.open();
    await received;
    await waitUntil(async () => stack.logged().length > before, { timeoutMs: 10_000, what: 'LiteLLM’s log' });
    expect(stack.logged().slice(before)).toEqual([
      expect.objectContaining({ prompt_tokens: 77, completion_tokens: 7 }),
    ]);
  });
});

describe('while Redis is away', () => {
  it('turns work, readiness says what is lost, and recovers by itself', async () => {
    await stack.redis.stop();
    const lost = async (): Promise<boolean> => (await readiness()).parts.redis.state === 'reconnecting';
    await waitUntil(lost, { timeoutMs: 10_000, what: 'readiness without Redis' });
    expect((await readiness()).parts.redis.reason).toMatch(/kept in memory only/);
    expect((await readiness()).status).toBe('degraded');

    const answer = await stack.client().chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toContain('quince');

    const again = await startRedis({
      dir: join(stack.dir, 'redis'),
      port: stack.redis.port,
      logFile: join(stack.dir, 'redis.log'),
    });
    try {
      await waitUntil(async () => (await readiness()).parts.redis.state === 'ready', {
        timeoutMs: 15_000,
        what: 'Redis',
      });
    } finally {
      await again.stop();
    }
  });
});

describe('while an MCP server is away', () => {
  it('readiness names it with the reason, and the turn goes on with an error for the model', async () => {
    await fixture.down();
    const answer = await stack.client().chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toMatch(/wait/);
    const { parts } = await readiness();
    expect(parts['mcp:notes'].state).not.toBe('ready');
    expect(parts['mcp:notes'].reason).toEqual(expect.any(String));
    await fixture.up();
  });
});

describe('a hook call that is repeated', () => {
  const hook = (path: string, body: object, withSecret = secret) =>
    postToHook(stack.hook.url, path, body, { 'x-toolturn-secret': withSecret });
  const armed = async (): Promise<object> => ({
    ...(await armedBy(stack.hook.url, chatRequest(question))),
    response: withCalls([{ id: 'call_9', name: 'notes__wait', arguments: '{"a":1}' }]),
  });

  it('returns the recorded outcome in place of running the tool again, also after a restart of hook-service', async () => {
    const redis = await startRedis({ dir: join(stack.dir, 'redis'), port: stack.redis.port });
    await waitUntil(async () => (await readiness()).parts.redis.state === 'ready', {
      timeoutMs: 15_000,
      what: 'Redis',
    });
    const body = await armed();
    const before = fixture.calls.length;
    const first: any = await (await hook('/hooks/post-call', body)).json();
    const second: any = await (await hook('/hooks/post-call', body)).json();
    await stack.hook.stop();
    stack.hook = await stack.startHook();
    await waitUntil(async () => (await readiness()).parts.redis.state === 'ready', {
      timeoutMs: 15_000,
      what: 'Redis',
    });
    await waitUntil(async () => (await readiness()).parts['mcp:notes'].state === 'ready', {
      timeoutMs: 15_000,
      what: 'the server',
    });
    const third: any = await (await hook('/hooks/post-call', body)).json();
    for (const answer of [first, second, third])
      expect(answer.response.choices[0].message.content).toBe('It is quince.');
    expect(fixture.calls.length - before).toBe(1);
    await redis.stop();
  });

  it('joins the running call when both come at once', async () => {
    const returned = gate<string>();
    const working = gate();
    wait = () => {
      working.open();
      return returned.opened;
    };
    const body = await armed();
    const before = fixture.calls.length;
    const both = [hook('/hooks/post-call', body), hook('/hooks/post-call', body)];
    await working.opened;
    returned.open('quince');
    for (const answer of await Promise.all(both))
      expect(JSON.stringify(await answer.json())).toContain('It is quince.');
    expect(fixture.calls.length - before).toBe(1);
  });

  it('that is given up cancels the tool at its server', async () => {
    const working = gate();
    wait = () => {
      working.open();
      return new Promise<string>(() => undefined);
    };
    const body = await armed();
    const gone = new AbortController();
    const attempt = fetch(`${stack.hook.url}/hooks/post-call`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-toolturn-secret': secret },
      body: JSON.stringify(body),
      signal: gone.signal,
    });
    await working.opened;
    const call = fixture.calls.at(-1);
    gone.abort();
    await expect(attempt).rejects.toThrow();
    await waitUntil(async () => call?.cancelled === true, { timeoutMs: 5_000, what: 'the cancellation' });
  });

  it.each([
    ['no secret', ''],
    ['a wrong secret', 'x'.repeat(secret.length)],
    ['a secret of another length', 'short'],
  ])('is refused with 401 and without an echo of the body with %s', async (_what, given) => {
    const answer = await hook('/hooks/pre-call', chatRequest(question), given);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain('sk-test');
  });

  it('is refused with the field that is wrong when it is not understood', async () => {
    const answer = await hook('/hooks/pre-call', { ...chatRequest(), body: [] });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toMatch(/body: must be a JSON object/);
  });
});

describe('a stop of hook-service', () => {
  it('waits for the turn in flight, ends with exit code 0, and leaves the answer whole', async () => {
    const returned = gate<string>();
    const working = gate();
    wait = () => {
      working.open();
      return returned.opened;
    };
    const answer = stack.client().chat.completions.create(question);
    await working.opened;
    process.kill(stack.hook.pid, 'SIGTERM');
    const stopping = async (): Promise<boolean> =>
      fetch(`${stack.hook.url}/health/live`).then(
        () => false,
        () => true,
      );
    await waitUntil(stopping, { timeoutMs: 10_000, what: 'the stop' });
    returned.open('quince');
    expect((await answer).choices[0]?.message.content).toContain('quince');
    expect(await stack.hook.exited).toContain('exit code 0');
  });
});
