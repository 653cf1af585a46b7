/** Who gets into the console, and who does not: over plain HTTP, as somebody would try it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startHookService, type RunningHookService } from '../../scripts/src/hook-service';
import { freePort } from '../../scripts/src/processes';

const token = 'a-token-for-the-console';
const dir = mkdtempSync(join(tmpdir(), 'toolturn-console-'));
const logFile = join(dir, 'log');
let hook: RunningHookService;
let port: number;

const start = (env: Record<string, string>): Promise<RunningHookService> => {
  const configPath = join(dir, 'config.yaml');
  writeFileSync(configPath, stringify({ toolturn: { console: { port, hosts: ['console.lan'] } } }));
  const base = {
    TOOLTURN_SECRET: 'console-access-test-secret',
    LITELLM_URL: 'http://127.0.0.1:9',
    REDIS_URL: '',
  };
  return startHookService({ configPath, env: { ...base, ...env }, logFile });
};

beforeAll(async () => {
  port = await freePort();
  hook = await start({ TOOLTURN_CONSOLE_TOKEN: token });
}, 60_000);

afterAll(async () => {
  await hook?.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** `fetch` does not let anybody set Host or Origin. */
function ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, timeout: 20_000 }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (piece: string) => (text += piece));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const own = () => `http://127.0.0.1:${port}`;
const login = (given: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask('/login', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: own(), ...headers },
    body: new URLSearchParams({ token: given }).toString(),
  });

async function session(): Promise<string> {
  const { headers } = await login(token);
  return (headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
}

const pages = ['/', '/servers', '/tools', '/turns', '/turns/abc', '/limits', '/doctor', '/config'];
const data = ['overview', 'tools', 'tool?server=a&tool=b', 'doctor', 'config', 'events'];

it('shows nobody anything without the token', async () => {
  for (const path of pages)
    expect(await ask(path)).toMatchObject({ status: 303, headers: { location: '/login' } });
  for (const name of data) expect(await ask(`/api/${name}`)).toMatchObject({ status: 401 });
  for (const name of ['call', 'accept', 'usable']) {
    const headers = { origin: own(), 'x-toolturn-console': '1' };
    expect((await ask(`/api/${name}`, { method: 'POST', headers })).status).toBe(401);
  }
  // The documents themselves hold no data, and no answer holds the token.
  const told = await Promise.all(['/login', '/assets/main.js', '/assets/style.css'].map((path) => ask(path)));
  expect(told.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(JSON.stringify(told)).not.toContain(token);
});

it('gives a session for the token, in a cookie that no script and no other site gets', async () => {
  const { status, headers } = await login(token);
  expect([status, headers.location]).toEqual([303, '/']);
  expect(headers['set-cookie']?.[0]).toMatch(
    new RegExp(
      `^toolturn_console_${port}=[\\w-]{43}; Max-Age=43200; Path=/; Expires=[^;]+; HttpOnly; SameSite=Strict$`,
    ),
  );
  const cookie = await session();
  expect((await ask('/api/overview', { headers: { cookie } })).status).toBe(200);
  const leave = { method: 'POST', headers: { cookie, origin: own(), 'x-toolturn-console': '1' } };
  expect((await ask('/logout', leave)).status).toBe(204);
  expect((await ask('/api/overview', { headers: { cookie } })).status).toBe(401);
  expect(readFileSync(logFile, 'utf8')).not.toContain(token);
});

it('has answers that load nothing from elsewhere, are framed nowhere and stored by nobody', async () => {
  const { headers } = await ask('/login');
  expect(headers).toMatchObject({
    'content-security-policy': expect.stringMatching(/^default-src 'self';.*frame-ancestors 'none'/),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'cache-control': 'no-store',
  });
  const { text } = await ask('/', { headers: { cookie: await session() } });
  expect(text).not.toMatch(/<script(?![^>]* src="\/assets\/)|<style|style=|\son\w+=|https?:\/\//);
});

it('answers no page of another origin, another port of the same host included', async () => {
  const cookie = await session();
  const tries: [string, Asked][] = [
    ['/api/overview', { headers: { cookie, origin: 'http://evil.example' } }],
    ['/api/overview', { headers: { cookie, origin: 'http://127.0.0.1:1' } }],
    ['/api/overview', { headers: { cookie, origin: 'null' } }],
    [
      '/api/accept',
      { method: 'POST', headers: { cookie, origin: 'http://localhost:1', 'x-toolturn-console': '1' } },
    ],
    // A form of an old browser that sends no origin; and one of the right origin, without the page's own header.
    ['/api/accept', { method: 'POST', headers: { cookie, 'x-toolturn-console': '1' } }],
    ['/api/accept', { method: 'POST', headers: { cookie, origin: own() } }],
    ['/logout', { method: 'POST', headers: { cookie, origin: own() } }],
  ];
  for (const [path, asked] of tries) expect([asked, (await ask(path, asked)).status]).toEqual([asked, 403]);
  expect((await login(token, { origin: 'http://evil.example' })).status).toBe(403);
  const good = { cookie, origin: own(), 'x-toolturn-console': '1', 'content-type': 'application/json' };
  expect((await ask('/api/accept', { method: 'POST', headers: good, body: '{"accept":[]}' })).status).toBe(
    200,
  );
});

it('is not had by a name that somebody else points here', async () => {
  const { status, text } = await ask('/login', { headers: { host: `rebound.example:${port}` } });
  expect(status).toBe(403);
  expect(text).toContain('toolturn.console.hosts');
  for (const name of ['console.lan', 'localhost', 'box'])
    expect((await ask('/login', { headers: { host: `${name}:${port}` } })).status).toBe(200);
});

it('asks who guesses to wait', async () => {
  const answers = [];
  for (let each = 0; each < 6; each += 1) answers.push(await login('a-wrong-token-of-somebody'));
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429]);
  expect(answers.at(-1)?.headers['retry-after']).toBe('60');
  expect(readFileSync(logFile, 'utf8')).not.toContain('a-wrong-token-of-somebody');
});

it('is not there without a token, and a short token is refused at the start', async () => {
  await hook.stop();
  hook = await start({ TOOLTURN_CONSOLE_TOKEN: '' });
  await expect(ask('/login')).rejects.toThrow('ECONNREFUSED');
  await hook.stop();
  await expect(start({ TOOLTURN_CONSOLE_TOKEN: 'short' })).rejects.toThrow(
    'TOOLTURN_CONSOLE_TOKEN must have at least 16 characters',
  );
});
