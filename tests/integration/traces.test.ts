import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startCollector, type Collector } from '../support/otlp-collector';
import { startRecordingProxy, type RecordingProxy } from '../support/recording-proxy';
import { startStack, type Stack } from '../support/stack';
import { roundsBehind } from '../support/tools';

const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'What is the word?' }] };
const lookUp = { name: 'notes__look_up', arguments: { what: 'a-private-thing' } };
const [traceId, clientSpan] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
const headers = { traceparent: `00-${traceId}-${clientSpan}-01`, tracestate: 'a=1' };

let fixture: HttpFixture;
let stack: Stack;
let collector: Collector;
let proxy: RecordingProxy;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      { name: 'look_up', handler: () => ({ content: [{ type: 'text', text: 'a-private-word' }] }) },
      {
        name: 'broken',
        handler: () => ({ isError: true, content: [{ type: 'text', text: 'The disk is full.' }] }),
      },
    ],
  });
  collector = await startCollector();
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    // Continuations go over HTTP, where their headers are seen.
    toolturn: { fast_path: false },
  });
  proxy = await startRecordingProxy(stack.url);
  await restart({});
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await proxy?.stop();
  await collector?.stop();
  await fixture?.stop();
});

beforeEach(() => {
  stack.model.reset();
  collector.spans.length = 0;
  proxy.headers.length = 0;
});

async function restart(env: Record<string, string>): Promise<void> {
  await stack.hook.stop();
  stack.hook = await stack.startHook({
    LITELLM_URL: proxy.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    ...env,
  });
}

/** Two calls in the first round, one in the second, then an answer. */
function threeRounds(): void {
  const broken = { name: 'notes__broken', arguments: {} };
  stack.model.answerWith((request) => {
    const usage = { prompt_tokens: 10, completion_tokens: 3 };
    const calls = [[lookUp, broken], [lookUp]][roundsBehind(request)];
    return calls === undefined ? { text: 'Done.', usage } : { toolCalls: calls, usage };
  });
}

async function spansOfATurn(count: number) {
  await waitUntil(async () => collector.spans.some(({ name }) => name.startsWith('invoke_agent')), {
    timeoutMs: 30_000,
    what: 'the span of a turn',
  });
  expect(collector.spans).toHaveLength(count);
  const named = (start: string) => collector.spans.filter(({ name }) => name.startsWith(start));
  return {
    turn: named('invoke_agent')[0],
    rounds: named('chat '),
    calls: named('tools/call '),
  };
}

it.each([false, true])(
  'a turn (streamed: %s) is one trace below the client’s span: turn, rounds, calls',
  async (stream) => {
    threeRounds();
    if (stream) {
      const chunks = await stack.client().chat.completions.create({ ...question, stream }, { headers });
      for await (const _ of chunks);
    } else {
      await stack.client().chat.completions.create(question, { headers });
    }
    const { turn, rounds, calls } = await spansOfATurn(7);
    expect(new Set(collector.spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(turn?.parentSpanId).toBe(clientSpan);
    expect(turn?.resource['service.name']).toBe('toolturn');
    expect(turn?.attributes).toMatchObject({ 'gen_ai.request.model': 'demo', 'toolturn.end': 'answer' });
    expect(rounds.map((span) => span.parentSpanId)).toEqual(Array(3).fill(turn?.spanId));
    const inOrder = [...rounds].sort((a, b) => (a.from < b.from ? -1 : 1));
    const parents = calls.map(({ parentSpanId }) =>
      inOrder.findIndex((each) => each.spanId === parentSpanId),
    );
    expect([...parents].sort()).toEqual([0, 0, 1]);
    expect(calls.find(({ name }) => name === 'tools/call broken')).toMatchObject({
      status: 2,
      attributes: { 'error.type': 'tool_error', 'mcp.method.name': 'tools/call', 'toolturn.server': 'notes' },
    });
    for (const { from, to } of calls) expect(to >= from).toBe(true);
  },
);

it('the MCP server is told of the call’s span, and LiteLLM of the round’s', async () => {
  threeRounds();
  const before = fixture.calls.length;
  await stack.client().chat.completions.create(question, { headers });
  const { rounds, calls } = await spansOfATurn(7);
  const told = fixture.calls.slice(before).map(({ meta }) => meta);
  const parents = (ids: readonly string[]) => ids.map((id) => `00-${traceId}-${id}-01`).sort();
  expect(told.map((meta: any) => meta.traceparent).sort()).toEqual(parents(calls.map((each) => each.spanId)));
  expect(told.map((meta: any) => meta.tracestate)).toEqual(['a=1', 'a=1', 'a=1']);
  const continued = proxy.headers.flatMap((each) => each['traceparent'] ?? []);
  // The first round was LiteLLM's own, for the client.
  const later = [...rounds].sort((a, b) => (a.from < b.from ? -1 : 1)).slice(1);
  expect([...continued].sort()).toEqual(parents(later.map((each) => each.spanId)));
});

it('a turn of a client without a trace has its own, and one that is not to be kept is not sent', async () => {
  threeRounds();
  await stack.client().chat.completions.create(question, {
    headers: { traceparent: headers.traceparent.replace(/01$/, '00') },
  });
  await stack.client().chat.completions.create(question);
  const { turn } = await spansOfATurn(7);
  expect(turn).not.toHaveProperty('parentSpanId');
  expect(turn?.traceId).not.toBe(traceId);
});

it('arguments and results are sent only where people have opted in', async () => {
  threeRounds();
  await stack.client().chat.completions.create(question);
  await spansOfATurn(7);
  const sent = () => JSON.stringify(collector.spans.map(({ attributes }) => attributes));
  expect(sent()).not.toContain('a-private');
  await restart({ OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true' });
  collector.spans.length = 0;
  await stack.client().chat.completions.create(question);
  await spansOfATurn(7);
  expect(sent()).toContain('a-private-thing');
  expect(sent()).toContain('a-private-word');
}, 60_000);

it('a collector that is away costs nothing but the spans, and is logged once', async () => {
  threeRounds();
  const gone = await startCollector();
  await gone.stop();
  await restart({ OTEL_EXPORTER_OTLP_ENDPOINT: gone.url, OTEL_EXPORTER_OTLP_TIMEOUT: '500' });
  const { choices } = await stack.client().chat.completions.create(question);
  expect(choices[0]?.message.content).toContain('Done.');
  const lines = () => logLines().filter(({ message }) => message === 'traces cannot be sent and are lost');
  await waitUntil(async () => lines().length > 0, { timeoutMs: 30_000, what: 'a line in the log' });
  await stack.hook.stop();
  expect(lines()).toHaveLength(1);
  await restart({});
}, 90_000);

it('log lines have the fields that Grafana’s dashboard of logs asks for', async () => {
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0 ? { toolCalls: [lookUp] } : { text: 'Done.' },
  );
  await stack.client().chat.completions.create(question);
  const line = logLines().find(({ message }) => message === 'turn finished');
  expect(line).toMatchObject({
    level: 'info',
    dialect: expect.any(String),
    end: 'answer',
    ms: expect.any(Number),
    calls: expect.any(Number),
    turn: expect.any(String),
  });
  const dashboard = readFileSync(join(__dirname, '../../grafana/dashboards/toolturn-logs.json'), 'utf8');
  const turns = [...dashboard.matchAll(/"expr": "((?:[^"\\]|\\.)*turn finished(?:[^"\\]|\\.)*)"/g)];
  expect(turns.length).toBeGreaterThan(3);
  for (const [, expr = ''] of turns) {
    const asked = [...expr.matchAll(/(?:by \(|unwrap )(\w+)/g)].map(([, field]) => field);
    for (const field of asked) expect(line).toHaveProperty(field ?? '');
  }
});

function logLines(): Readonly<Record<string, unknown>>[] {
  const text = readFileSync(join(stack.dir, 'hook-service.log'), 'utf8');
  return text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
}
