import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { venvDir } from '../../scripts/src/paths';
import type { ModelRequest } from '../../scripts/src/scripted-model';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind } from '../support/tools';

const script = join(__dirname, '..', 'support', 'python', 'openai_client.py');
const word = 'quince-71';

let fixture: HttpFixture;
let stack: Stack;
/** What the client printed: it asks everything in one run. */
let got: ReturnType<typeof JSON.parse>;

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      { name: 'look_up', handler: () => ({ content: [{ type: 'text', text: `The word is ${word}.` }] }) },
    ],
  });
  stack = await startStack({ servers: { notes: { url: fixture.url, transport: 'http' } } });
  stack.model.answerWith((request) => {
    const lookUp = { name: 'notes__look_up', arguments: { what: 'word' } };
    const results = lastResults(request);
    const asks = (text: string): boolean => messagesOf(request)[0]?.['content'] === text;
    if (asks('Fail.') && roundsBehind(request) > 0) return { error: 'the model is overloaded', status: 429 };
    if (asks('What is the weather?') && roundsBehind(request) === 0) {
      return { toolCalls: [lookUp, { name: 'weather', arguments: { city: 'Bern' } }] };
    }
    return roundsBehind(request) === 0
      ? { text: 'Let me see.', toolCalls: [lookUp], usage: { prompt_tokens: 10, completion_tokens: 3 } }
      : { text: `It says: ${results.join(' / ')}`, usage: { prompt_tokens: 20, completion_tokens: 5 } };
  });
  const run = promisify(execFile);
  const python = join(venvDir(), 'bin', 'python');
  const { stdout } = await run(python, [script, `${stack.url}/v1`, 'sk-test-alice'], { timeout: 60_000 });
  got = JSON.parse(stdout);
}, 240_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
});

const answer = `Let me see.\n\nIt says: The word is ${word}.`;
const usage = { prompt_tokens: 30, completion_tokens: 8, total_tokens: 38 };

/** The conversations about the weather, as the model saw them last. */
const weatherTurns = (): ModelRequest[] =>
  stack.model.requests.filter(
    (request) => messagesOf(request)[0]?.['content'] === 'What is the weather?' && roundsBehind(request) > 0,
  );

describe('openai-python', () => {
  it('gets the finished answer from create', () => {
    expect(got.create).toMatchObject({ text: answer, finish_reason: 'stop', tool_calls: null, usage });
  });

  it('iterates over a stream that is one answer', () => {
    expect(got.stream).toMatchObject({
      text: answer,
      finish_reasons: ['stop'],
      tool_calls: [],
      ids: 1,
      usage,
    });
  });

  it('puts a stream together with its stream() helper', () => {
    expect(got.stream_helper).toEqual({
      deltas: answer,
      text: answer,
      finish_reason: 'stop',
      tool_calls: null,
    });
  });

  it('asks several times at once with its asynchronous client', () => {
    expect(got.asynchronous).toEqual({ texts: [answer, answer, answer, answer], streamed: answer });
  });

  it.each(['own_tools', 'own_tools_in_stream'])(
    'runs its own tool while ours runs in Toolturn: %s',
    (how) => {
      expect(got[how]).toEqual({
        text: `It says: The word is ${word}. / sunny`,
        ran: [['weather', { city: 'Bern' }]],
      });
    },
  );

  it('sends back its message in its own form, and the model sees the whole turn', () => {
    const turns = weatherTurns();
    expect(turns).toHaveLength(2);
    for (const turn of turns) {
      expect(messagesOf(turn).map((message) => message['role'])).toEqual([
        'user',
        'assistant',
        'tool',
        'tool',
      ]);
      expect(JSON.stringify(messagesOf(turn)[1]?.['tool_calls'])).toContain('notes__look_up');
    }
  });

  it('raises its own errors, with the status of what went wrong', () => {
    expect(got.errors).toEqual({
      create: ['RateLimitError', 429],
      stream: ['APIError', '429', expect.stringContaining('the model is overloaded')],
    });
  });
});
