/** What a server may answer to a call. */
import { join } from 'node:path';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startHost, textOf, type TestHost } from '../support/mcp/hosts';
import { remoteServer, stdioServer } from '../support/mcp/servers';

const hostile = join(__dirname, '..', 'support', 'mcp', 'hostile-stdio.mjs');
const program = (name: string, mode = 'normal') => stdioServer(name, mode, { args: [hostile, mode] });
const million = 1_000_000;
const answers: Record<string, unknown> = {
  every: {
    content: [
      { type: 'text', text: 'a' },
      { type: 'image', data: 'aGk=', mimeType: 'image/png' },
      { type: 'audio', data: 'aGk=', mimeType: 'audio/wav' },
      { type: 'resource_link', uri: 'file:///a', name: 'a' },
      { type: 'resource', resource: { uri: 'file:///b', blob: 'aGk=', mimeType: 'image/png' } },
      { type: 'hologram' },
      7,
      null,
    ],
  },
  empty: { content: [] },
  nothing: {},
  noList: { content: 'a' },
  structured: { structuredContent: { n: 1 } },
  misfit: { structuredContent: { n: 'one' }, content: [] },
};

let fixture: HttpFixture;
let tested: TestHost;

beforeAll(async () => {
  fixture = await startHttpFixture({
    json: true,
    tools: [
      { name: 'greet', handler: () => 'hello' },
      { name: 'big', handler: () => 'é'.repeat(25 * million) },
      {
        name: 'many',
        handler: () => ({ content: Array.from({ length: million }, () => ({ type: 'text', text: '' })) }),
      },
      ...Object.entries(answers).map(([name, answer]) => ({
        name,
        outputSchema: { type: 'object', properties: { n: { type: 'integer' } } },
        handler: () => answer,
      })),
      {
        name: 'wrong',
        handler: () => ({ isError: true, content: [{ type: 'text', text: 'no such file' }] }),
      },
      {
        name: 'refused',
        handler: () => {
          throw new Error('no 10.0.0.5:5432 http://db.internal/x\n    at f (/app/index.js:1:1)');
        },
      },
      { name: 'silent', handler: () => new Promise(() => undefined) },
    ],
  });
  tested = await startHost([
    remoteServer('web', fixture.url),
    program('one'),
    stdioServer('other', 'normal'),
  ]);
});

afterAll(async () => {
  await tested?.close();
  await fixture?.stop();
});

/** Calls another server again and again until the work is done; each of those calls has to succeed. */
async function othersGoOn<T>(work: Promise<T>): Promise<T> {
  let done = false;
  const ended = work.finally(() => (done = true));
  do expect(textOf(await tested.call('other', 'greet'))).toBe('hello');
  while (!done);
  return ended;
}

test('C1: a text of 50 MB is a result, and other servers answer meanwhile', async () => {
  const result = await othersGoOn(tested.call('web', 'big'));
  expect(result.failure).toBeUndefined();
  expect(Buffer.byteLength(textOf(result))).toBe(50 * million);
}, 60_000);

test('C1: a line of 11 MiB on stdout is a result, and other servers answer meanwhile', async () => {
  const result = await othersGoOn(tested.call('one', 'big', { bytes: 11 * 2 ** 20 }));
  expect(textOf(result)).toHaveLength(11 * 2 ** 20);
}, 60_000);

test('C1: a message larger than any may be fails its call alone, over HTTP and stdio', async () => {
  const small = await startHost([remoteServer('web', fixture.url), program('one')], {
    maxMessageBytes: 2 ** 20,
  });
  try {
    const web = await small.call('web', 'big');
    expect(web).toMatchObject({ failure: 'transport' });
    expect(textOf(web)).toContain('too large');
    const one = await small.call('one', 'big', { bytes: 2 ** 21 });
    expect(one).toMatchObject({ failure: 'transport' });
    expect(textOf(await small.call('web', 'greet'))).toBe('hello');
    expect(textOf(await small.call('one', 'greet'))).toBe('hello');
  } finally {
    await small.close();
  }
}, 60_000);

test('C1: of a million parts the first ten thousand are kept, and a note says how many were not', async () => {
  const { content } = await tested.call('web', 'many');
  expect(content).toHaveLength(10_001);
  expect(content.at(-1)).toEqual({ type: 'text', text: '[990000 more parts of this result were left out]' });
}, 60_000);

test('C2: content of every type, of none and of types that nobody knows has a defined result', async () => {
  const results = Object.fromEntries(
    await Promise.all(
      Object.keys(answers).map(async (name) => [name, await tested.call('web', name)] as const),
    ),
  );
  expect(results).toEqual({
    every: {
      content: [
        { type: 'text', text: 'a' },
        { type: 'image', data: 'aGk=', mimeType: 'image/png' },
        { type: 'audio', data: 'aGk=', mimeType: 'audio/wav' },
        { type: 'resource_link', uri: 'file:///a', name: 'a' },
        { type: 'resource', uri: 'file:///b', blob: 'aGk=', mimeType: 'image/png' },
        { type: 'unknown', kind: 'hologram' },
        { type: 'unknown', kind: 'number' },
        { type: 'unknown', kind: 'null' },
      ],
    },
    empty: { content: [] },
    nothing: { content: [] },
    noList: { content: [] },
    structured: { content: [], structured: { n: 1 } },
    misfit: { content: [], structured: { n: 'one' } },
  });
});

test('C4: an error of a tool, an error of the protocol, a timeout and a crash are four kinds, without internals', async () => {
  const results = await Promise.all([
    tested.call('web', 'wrong'),
    tested.call('web', 'refused'),
    tested.call('web', 'silent', {}, { timeoutMs: 100 }),
    tested.call('other', 'crash'),
  ]);
  expect(results.map((result) => result.failure)).toEqual([
    'tool_error',
    'protocol_error',
    'timeout',
    'transport',
  ]);
  for (const result of results) {
    expect(textOf(result).length).toBeLessThan(200);
    expect(textOf(result)).not.toMatch(/10\.0\.0\.5|127\.0\.0\.1|db\.internal|index\.js|\n/);
  }
});
