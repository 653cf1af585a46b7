import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'Hello?' }] };
const token = 'token-of-the-notes-server';

let notes: HttpFixture;
let locked: HttpFixture;
/** What each request to the notes server showed, those of other entries for it included. */
const shown = new Set<string | undefined>();
let stack: Stack;

beforeAll(async () => {
  notes = await startHttpFixture({
    tools: [{ name: 'look' }],
    intercept: (request) => {
      shown.add(request.headers['authorization']);
      return false;
    },
  });
  locked = await startHttpFixture({
    tools: [{ name: 'look' }],
    intercept: (_request, response) => {
      response.writeHead(401).end();
      return true;
    },
  });
  const url = notes.url;
  stack = await startStack({
    servers: {
      notes_local: {
        url,
        transport: 'http',
        alias: 'notes',
        auth_type: 'bearer_token',
        auth_value: 'os.environ/NOTES_TOKEN',
      },
      locked: {
        url: locked.url,
        transport: 'http',
        auth_type: 'bearer_token',
        auth_value: 'os.environ/NOTES_TOKEN',
      },
      alices: { url, transport: 'http', api_keys: ['sk-test-alice'], description: 'For Alice alone.' },
      asking: { url, transport: 'http', require_approval: 'always' },
      unwell: { url, transport: 'http', health_check: '/health', timeout: 30 },
    },
    env: { NOTES_TOKEN: token },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await notes?.stop();
  await locked?.stop();
});

const readiness = async (): Promise<any> => (await fetch(`${stack.hook.url}/health/ready`)).json();

async function offered(alias: string): Promise<string[]> {
  stack.model.reset();
  stack.model.answerWith(() => ({ text: 'Hello.' }));
  await stack.client(alias).chat.completions.create(question);
  return toolNames(stack.model.requests[0]);
}

describe('a server’s settings in config.yaml', () => {
  it('send the token from the environment as a bearer', () => {
    expect(shown).toEqual(new Set([`Bearer ${token}`, undefined]));
  });

  it('with a token the server refuses show in readiness which server and why, without the token', async () => {
    const { parts } = await readiness();
    expect(parts['mcp:locked']).toMatchObject({
      state: expect.not.stringMatching('ready'),
      reason: expect.stringMatching(/401/),
    });
    expect(JSON.stringify(parts)).not.toContain(token);
  });

  it('name the tools by the alias, and open a server with api_keys to those keys only', async () => {
    expect(await offered('alice')).toEqual(['notes__look', 'alices__look', 'asking__look', 'unwell__look']);
    expect(await offered('bob')).toEqual(['notes__look', 'asking__look', 'unwell__look']);
  });

  it('refuse a call of a server with api_keys to another key, as not available', async () => {
    const before = notes.calls.length;
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'alices__look', arguments: {} }] }
        : { text: lastResults(request).join() },
    );
    const answer = await stack.client('bob').chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toMatch(/not available/);
    expect(notes.calls.length).toBe(before);
  });

  it('offer the tools of a server that wants approval in turns alone, where a person can be asked', async () => {
    const { parts } = await readiness();
    expect(parts['mcp:asking']).toMatchObject({ state: 'ready' });
    stack.model.reset();
    stack.model.answerWith(() => ({ text: 'Hello.' }));
    await stack.client('alice').chat.completions.create(question);
    const offered = toolNames(stack.model.requests[0]);
    expect(offered.some((name) => name.startsWith('asking__'))).toBe(true);
    const listed = await fetch(`${stack.hook.url}/v1/tools`, {
      headers: { authorization: 'Bearer sk-test-alice' },
    });
    const text = await listed.text();
    expect(text).toContain('alices__');
    expect(text).not.toContain('asking__');
  });

  it('ask a server’s health path and show what is wrong with it', async () => {
    const unwell = async (): Promise<boolean> => (await readiness()).parts['mcp:unwell'].state === 'degraded';
    await waitUntil(unwell, { timeoutMs: 10_000, what: 'the health check' });
    expect((await readiness()).parts['mcp:unwell'].reason).toMatch(/health.*404/i);
  });

  it('D5: never put a token into our log', async () => {
    const { readFileSync } = await import('node:fs');
    for (const file of [stack.hook.logFile]) expect(readFileSync(file, 'utf8')).not.toContain(token);
  });
});
