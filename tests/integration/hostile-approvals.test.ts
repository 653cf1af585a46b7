/** Two callers of one hook-service who are asked about calls: neither sees or decides what the other was asked. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { chatRequest, startLoneHook, withCalls, type LoneHook } from '../support/lone-hook';
import { secret } from '../support/stack';

interface Asked {
  readonly key: string;
  readonly canary: string;
  readonly history: readonly object[];
  readonly said: string;
  readonly code: string;
}

let files: HttpFixture;
let lone: LoneHook;
let asked: Asked[];

/** Brings a conversation of this key to its question. */
async function toQuestion(key: string): Promise<Asked> {
  const canary = `canary-${key}-${randomBytes(8).toString('hex')}`;
  const question = { role: 'user', content: `Delete what ${key} wants gone.` };
  const armed = await lone.armed(chatRequest({ messages: [question] }, key));
  const call = { id: 'call_1', name: 'files__delete', arguments: JSON.stringify({ path: canary }) };
  const answer: any = await (
    await lone.post('/hooks/post-call', { ...armed, response: withCalls([call]) })
  ).json();
  const said: string = answer.response.choices[0].message.content;
  const code = /Code: `(\w{6})`/.exec(said)?.[1] ?? '';
  expect([said.includes(canary), code.length]).toEqual([true, 6]);
  return { key, canary, said, code, history: [question, { role: 'assistant', content: said }] };
}

const operator = async (): Promise<{ code: string; state: string }[]> => {
  const answer = await fetch(`${lone.hook.url}/approvals`, { headers: { 'x-toolturn-secret': secret } });
  return ((await answer.json()) as { approvals: { code: string; state: string }[] }).approvals;
};

beforeAll(async () => {
  files = await startHttpFixture({
    json: true,
    tools: [{ name: 'delete', handler: (args) => `gone: ${String(args['path'])}` }],
  });
  lone = await startLoneHook({
    servers: { files: { url: files.url, transport: 'http', require_approval: 'always' } },
  });
  asked = [await toQuestion('alice'), await toQuestion('bob')];
}, 60_000);

afterAll(async () => {
  await lone?.stop();
  await files?.stop();
});

const attempt = fc.record({
  victim: fc.constantFrom(0, 1),
  /** The other one, or somebody whose key looks alike. */
  hash: fc.constantFrom(
    'other',
    'other',
    'hash-of-mallory',
    'Hash-of-alice',
    'hash-of-bob ',
    '',
    '__proto__',
    '{}',
  ),
  endUser: fc.constantFrom('alice', 'bob', null),
  user: fc.constantFrom('user-alice', '"]', null),
  said: fc.constantFrom('whole', 'code', 'twice', 'own'),
  message: fc.constantFrom('yes', 'no', 'code', 'approve', 'other'),
  waits: fc.boolean(),
  path: fc.constantFrom('/v1/chat/completions', '/v1/messages', '/v1/responses'),
  headers: fc.record(
    {
      'x-toolturn-continuation': fc.constantFrom('x.9999999999.00', 'a.b.c'),
      'x-toolturn-surface': fc.constantFrom('native', 'progress'),
      'x-mcp-servers': fc.constant('files'),
    },
    { requiredKeys: [] },
  ),
  wrongSecret: fc.constantFrom('', 'wrong', secret.slice(1), `${secret}x`, '0'),
});

test('a caller with the question, the code, the history and the headers of another neither sees nor decides its approval', async () => {
  await fc.assert(
    fc.asyncProperty(attempt, async (tried) => {
      const victim = asked[tried.victim]!;
      const other = asked[1 - tried.victim]!;
      const hash = tried.hash === 'other' ? `hash-of-${other.key}` : tried.hash;
      const words: Record<string, string> = {
        whole: victim.said.replace(victim.canary, 'a file'),
        code: `Code: \`${victim.code}\``,
        twice: `${other.said}\n\n${victim.said.replace(victim.canary, 'a file')}`,
        own: 'Code: `AAAAAA`',
      };
      const says: Record<string, string> = {
        code: victim.code,
        approve: `approve ${victim.code}`,
        other: `decline ${victim.code} now`,
      };
      const messages = [
        victim.history[0]!,
        { role: 'assistant', content: words[tried.said] },
        { role: 'user', content: says[tried.message] ?? tried.message },
      ];
      const request = {
        ...chatRequest({ messages, input: messages, max_tokens: 1000 }),
        url: `http://litellm${tried.path}`,
        headers: tried.headers,
        key: { hash, alias: 'mallory', user: tried.user, team: null, end_user: tried.endUser },
        ...(tried.waits ? { waits: true } : {}),
      };
      const seen = [await (await lone.post('/hooks/pre-call', request)).text()];
      for (const path of ['/approvals', `/approvals/${victim.code}`]) {
        const answer = await lone.post(
          path,
          { decision: 'approve' },
          { 'x-toolturn-secret': tried.wrongSecret },
        );
        expect(answer.status).toBe(401);
        seen.push(await answer.text());
      }
      // The other's own question stands in its own request, and nothing of the victim's.
      expect(seen.join('\n')).not.toContain(victim.canary);
      expect(files.calls).toEqual([]);
    }),
    { numRuns: 200 },
  );
  // Nobody has decided anything, and each can still do so.
  const open = await operator();
  for (const { code } of asked)
    expect(open).toContainEqual(expect.objectContaining({ code, state: 'waiting' }));
  for (const { key, history, canary } of asked) {
    const yes = { role: 'user', content: 'yes' };
    const request = chatRequest({ messages: [...history, yes] }, key);
    expect(await (await lone.post('/hooks/pre-call', request)).json()).toMatchObject({ action: 'wait' });
    const armed: any = await (await lone.post('/hooks/pre-call', { ...request, waits: true })).json();
    expect(JSON.stringify(armed)).toContain(`gone: ${canary}`);
  }
  expect(files.calls).toHaveLength(2);
}, 120_000);
