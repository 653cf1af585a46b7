/** Two callers of one hook-service: whatever one of them copies or makes up, it sees nothing of the other. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { chatRequest, startLoneHook, withCalls, type LoneHook } from '../support/lone-hook';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

const canary = `canary-${randomBytes(8).toString('hex')}`;
const question = { role: 'user', content: 'What is my number?' };
const call = { id: 'call_1', name: 'notes__look', arguments: '{"what": "number"}' };

let notes: HttpFixture;
let vault: HttpFixture;
let lone: LoneHook;
/** What the tool gives to whoever calls it next. */
let number = canary;
let turn: any;
let answer: string;

beforeAll(async () => {
  notes = await startHttpFixture({
    json: true,
    tools: [{ name: 'look', handler: () => `It is ${number}.` }],
  });
  vault = await startHttpFixture({ json: true, tools: [{ name: 'open', handler: () => canary }] });
  lone = await startLoneHook({
    servers: {
      notes: { url: notes.url, transport: 'http' },
      vault: { url: vault.url, transport: 'http', api_keys: ['sk-key-of-alice'] },
    },
    toolturn: {
      access: {
        default: 'none',
        rules: [
          { keys: ['alice'], servers: ['*'] },
          { keys: ['mallory'], servers: ['*'] },
        ],
      },
    },
  });
  lone.model.answerWith((request) =>
    roundsBehind(request) === 1
      ? { toolCalls: [{ ...call, id: 'call_2' }] }
      : { text: `I know. ${lastResults(request).length}` },
  );
  turn = await lone.armed(chatRequest({ messages: [question] }));
  const finished: any = await (
    await lone.post('/hooks/post-call', { ...turn, response: withCalls([call]) })
  ).json();
  answer = finished.response.choices[0].message.content;
  expect(JSON.stringify(lone.model.requests)).toContain(canary);
  // What is her own she finds again.
  const again = await lone.armed(
    chatRequest({ messages: [question, { role: 'assistant', content: answer }, question] }),
  );
  expect(JSON.stringify(again.body.messages)).toContain(canary);
  number = 'nothing';
}, 60_000);

afterAll(async () => {
  await lone?.stop();
  await notes?.stop();
  await vault?.stop();
});

/** Keys that are not Alice's, however much they look like it. */
const hash = fc.oneof(
  fc.constantFrom(
    'Hash-of-alice',
    'hash-of-alice ',
    'hash-of-alice:',
    'hash:of-alice',
    'hash-of-alicе',
    'hash-of-alice\u200b',
    'hash-of-ali\u0063\u0301e',
    '',
    '{hash-of-alice}',
    '__proto__',
  ),
  fc.string({ maxLength: 20 }),
);
const attempt = fc.record({
  hash,
  alias: fc.constantFrom('mallory', 'mallory', 'Alice', 'alice:'),
  user: fc.option(fc.constantFrom('alice', 'user:alice', '"]'), { nil: null }),
  asEndUser: fc.constantFrom('alice', null),
  sameMark: fc.boolean(),
  tampered: fc.constantFrom(
    {},
    { client_tools: 0 },
    { selection: { servers: [{ server: 'vault' }] } },
    { config: 'none' },
  ),
  id: fc.constantFrom('call_1', 'call_2', 'CALL_1'),
  tool: fc.constantFrom('notes__look', 'vault__open', 'read_more', 'call_tool'),
  history: fc.boolean(),
  headers: fc.record(
    {
      authorization: fc.constant('Bearer sk-key-of-alice'),
      'x-toolturn-continuation': fc.constantFrom('x.9999999999.00', 'a.b.c'),
      'x-mcp-servers': fc.constantFrom('vault', 'notes,vault'),
      'x-litellm-call-id': fc.constant('request-of-alice'),
      'x-toolturn-surface': fc.constant('native'),
    },
    { requiredKeys: [] },
  ),
  metadata: fc.constantFrom({}, { toolturn: { turn: 'x', key: 'alice' } }, { user_api_key_alias: 'alice' }),
});

test('G2: a caller with copied ids, marks, history, headers and metadata of another sees none of its tools, results and memory', async () => {
  await fc.assert(
    fc.asyncProperty(attempt, async (tried) => {
      lone.model.reset();
      lone.model.answerWith((request) => ({ text: lastResults(request).join() }));
      const { hash: key, alias, user, asEndUser, metadata, headers } = tried;
      const messages = tried.history
        ? [question, { role: 'assistant', content: answer }, question]
        : [question];
      const request: any = {
        ...chatRequest({ messages, metadata, user: 'alice' }),
        headers,
        key: { hash: key, alias, user, team: null, end_user: asEndUser },
        call_id: 'request-of-alice',
      };
      const offered: any = await (await lone.post('/hooks/pre-call', request)).json();
      const body = { ...request.body, ...(offered.set ?? {}) };
      expect(toolNames({ body } as never).filter((name) => name.startsWith('vault'))).toEqual([]);
      const own = offered.turn ?? turn.turn;
      const mark = { ...(tried.sameMark ? turn.turn : own), ...tried.tampered };
      const seen: string[] = [JSON.stringify(offered)];
      for (const armed of [body, turn.body]) {
        const response = withCalls([
          {
            ...call,
            id: tried.id,
            name: tried.tool,
            ...(tried.tool === 'call_tool' ? { arguments: '{"name": "vault__open", "arguments": {}}' } : {}),
          },
        ]);
        const ended = await lone.post('/hooks/post-call', {
          ...request,
          body: { ...armed, messages },
          turn: mark,
          response,
        });
        seen.push(await ended.text());
      }
      seen.push(JSON.stringify(lone.model.requests));
      expect(seen.join('\n')).not.toContain(canary);
      expect(vault.calls).toEqual([]);
    }),
    { numRuns: 150 },
  );
}, 120_000);
