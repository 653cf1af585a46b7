/** Secret values are planted everywhere a secret can stand, turns are taken, and every place that keeps or shows anything is searched for them. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { root } from '../../scripts/src/paths';
import { freePort } from '../../scripts/src/processes';
import { redisDump, sinksWith, type Canary } from '../support/canary';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startOAuthFixture, type OAuthFixture } from '../support/mcp/oauth-fixture';
import { secret, startStack, type Stack } from '../support/stack';
import { roundsBehind } from '../support/tools';

const made = (name: string): string => `${name}-${randomBytes(12).toString('hex')}`;
const masterKey = `sk-${made('master')}`;
const values = {
  key: `sk-test-${made('virtual')}`,
  masterKey,
  provider: made('provider'),
  serverToken: made('server'),
  serverHeader: made('header'),
  environment: made('environment'),
  oauthSecret: made('oauth'),
  identitySecret: made('identity-secret-of-a-server'),
  clientHeader: made('client'),
  wrongHeader: made('wrong'),
  addressPassword: made('password'),
  addressPath: made('path'),
  dataKey: randomBytes(32).toString('hex'),
  consoleToken: made('console'),
  result: made('result'),
  argument: made('argument'),
};
const main = join(root, 'hook-service', 'dist', 'main.js');
const stdioServer = join(__dirname, '..', 'support', 'mcp', 'stdio-server.mjs');
const alias = values.key.slice('sk-test-'.length);

let db: HttpFixture;
let web: HttpFixture;
let oauth: OAuthFixture;
let stack: Stack;
let consolePort: number;
const seen: Record<'db' | 'web', { headers: IncomingHttpHeaders; body: unknown }[]> = { db: [], web: [] };

function watched(name: 'db' | 'web', tools: Parameters<typeof startHttpFixture>[0]['tools']) {
  return startHttpFixture({
    tools,
    intercept: (request, _response, body) => {
      seen[name].push({ headers: request.headers, body });
      return false;
    },
  });
}

beforeAll(async () => {
  db = await watched('db', [
    { name: 'query', handler: () => `The customer's number is ${values.result}.` },
    {
      name: 'fail',
      handler: () => ({
        isError: true,
        content: [{ type: 'text', text: `refused: token ${values.serverToken}` }],
      }),
    },
  ]);
  web = await watched('web', [{ name: 'fetch', annotations: { readOnlyHint: true } }]);
  oauth = await startOAuthFixture();
  consolePort = await freePort();
  stack = await startStack({
    servers: {
      db: {
        url: db.url,
        transport: 'http',
        auth_type: 'bearer_token',
        auth_value: 'os.environ/DB_TOKEN',
        headers: { 'X-Custom': 'os.environ/DB_HEADER' },
      },
      web: { url: web.url, transport: 'http' },
      vault: { url: oauth.url, transport: 'http' },
      files: {
        transport: 'stdio',
        command: process.execPath,
        args: [stdioServer, 'normal'],
        env: { FILES_TOKEN: 'os.environ/FILES_TOKEN' },
      },
      gone: {
        url: `http://user:${values.addressPassword}@127.0.0.1:9/${values.addressPath}/mcp?token=${values.addressPath}`,
        transport: 'http',
      },
    },
    models: [
      {
        model_name: 'paid',
        litellm_params: {
          model: 'openai/paid',
          api_base: 'os.environ/MODEL_URL',
          api_key: 'os.environ/PAID_KEY',
        },
      },
    ],
    toolturn: {
      console: { port: consolePort },
      log_level: 'debug',
      servers: {
        vault: { oauth: { client_id: 'me', client_secret: 'os.environ/OAUTH_SECRET' } },
        web: {
          identity: { audience: 'web', ttl: '60s', secret: 'os.environ/IDENTITY_SECRET' },
          tools: { fetch: { cache: '10m' } },
        },
      },
    },
    env: {
      LITELLM_MASTER_KEY: masterKey,
      PAID_KEY: values.provider,
      MODEL_URL: 'http://127.0.0.1:9',
      DB_TOKEN: values.serverToken,
      DB_HEADER: values.serverHeader,
      FILES_TOKEN: values.environment,
      OAUTH_SECRET: values.oauthSecret,
      IDENTITY_SECRET: values.identitySecret,
      TOOLTURN_DATA_KEY: values.dataKey,
      TOOLTURN_CONSOLE_TOKEN: values.consoleToken,
    },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await db?.stop();
  await web?.stop();
  await oauth?.stop();
});

/** One turn in which the model calls these tools; what the client reads. */
async function turn(
  names: readonly string[],
  { stream = false, headers = {} }: { stream?: boolean; headers?: Record<string, string> } = {},
): Promise<string> {
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { toolCalls: names.map((name) => ({ name, arguments: { about: values.argument } })) }
      : { text: 'Done.' },
  );
  const asked = { model: 'demo', messages: [{ role: 'user', content: 'Hello?' }], stream };
  const answer: any = await stack.client(alias).chat.completions.create(asked as never, { headers });
  if (!stream) return JSON.stringify(answer);
  let text = '';
  for await (const chunk of answer) text += JSON.stringify(chunk);
  return text;
}

const textOf = async (url: string, init: RequestInit = {}): Promise<string> => {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(20_000), ...init });
  return [response.status, JSON.stringify([...response.headers]), await response.text()].join('\n');
};

function toolturn(...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const env = {
      PATH: process.env['PATH'],
      TOOLTURN_URL: stack.hook.url,
      LITELLM_API_KEY: values.key,
      TOOLTURN_SECRET: secret,
    };
    execFile(process.execPath, [main, ...args], { timeout: 60_000, env }, (_error, out, err) =>
      resolve(out + err),
    );
  });
}

/** What a browser gets of the console once somebody has logged in. */
async function consoleTexts(): Promise<string> {
  const base = `http://127.0.0.1:${consolePort}`;
  const login = await fetch(`${base}/login`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: base },
    body: new URLSearchParams({ token: values.consoleToken }).toString(),
  });
  const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
  const headers = { cookie, origin: base, 'x-toolturn-console': '1' };
  const pages = [
    '',
    'api/overview',
    'api/tools',
    'api/tool?server=db&tool=query',
    'api/doctor',
    'api/config',
  ];
  const texts = await Promise.all(pages.map((page) => textOf(`${base}/${page}`, { headers })));
  // The feed does not end; it begins with all that it knows.
  const events = await fetch(`${base}/api/events`, { headers });
  const reader = events.body!.getReader();
  const first = await reader.read();
  await reader.cancel();
  return [...texts, Buffer.from(first.value ?? []).toString()].join('\n');
}

test('A7: what is secret is found where it belongs and nowhere else', async () => {
  const all = ['db__query', 'db__fail', 'web__fetch', 'vault__greet', 'files__env'];
  const answers = [
    await turn(all, { headers: { 'x-mcp-db-x-api-key': values.clientHeader } }),
    await turn([...all, 'db__nonsense'], { stream: true }),
    await turn(['files__crash', 'web__fetch'], { stream: true }),
  ];
  const modelRequests = [...stack.model.requests];
  const failing = [
    turn(['db__query'], { headers: { 'x-mcp-nonsense-authorization': values.wrongHeader } }),
    turn(['db__query'], { headers: { 'x-mcp-db-authorization': `Bearer ${values.key}` } }),
    stack
      .client(alias)
      .chat.completions.create({ model: 'paid', messages: [{ role: 'user', content: 'Hello?' }] }),
  ].map((attempt) => attempt.then(String, (error: Error) => `${error.message} ${JSON.stringify(error)}`));
  const errors = await Promise.all(failing);
  expect(errors.every((error) => /Error|error|40|50/.test(error))).toBe(true);

  const authorization = `Bearer ${values.key}`;
  const id = 'no-such-turn';
  const sinks: Record<string, string> = {
    answers: answers.join('\n'),
    errors: errors.join('\n'),
    models: JSON.stringify(modelRequests),
    'server db': JSON.stringify(seen.db),
    'server web': JSON.stringify(seen.web),
    'log of hook-service': readFileSync(stack.hook.logFile, 'utf8'),
    'log of LiteLLM': readFileSync(stack.litellm.logFile, 'utf8'),
    redis: await redisDump(stack.redis.url),
    health: await textOf(`${stack.hook.url}/health/ready`),
    metrics: await textOf(`${stack.hook.url}/metrics`, { headers: { 'x-toolturn-secret': secret } }),
    audit: await textOf(`${stack.hook.url}/audit`, { headers: { 'x-toolturn-secret': secret } }),
    turns: [
      await textOf(`${stack.hook.url}/turns`, { headers: { 'x-toolturn-secret': secret } }),
      await textOf(`${stack.hook.url}/turns/${id}`, { headers: { 'x-toolturn-secret': secret } }),
    ].join('\n'),
    tools: await textOf(`${stack.hook.url}/v1/tools`, { headers: { authorization } }),
    refused: await textOf(`${stack.hook.url}/hooks/pre-call`, { method: 'POST', body: values.key }),
    console: await consoleTexts(),
    'command line': [
      await toolturn('tools', '--json'),
      await toolturn('tools', '--changes'),
      await toolturn('call', 'web__fetch', '{}'),
      await toolturn('trace', id),
      await toolturn('audit', '--json'),
    ].join('\n'),
  };
  // Each sink really holds what it is searched for.
  expect(sinks['console']).toContain('"servers"');
  expect(sinks['redis']).toMatch(/tt:\{[^}]+\}:call:/);
  expect(sinks['log of hook-service']).toContain('turn finished');
  expect(sinks['tools']).toContain('db__query');
  expect(sinks['audit']).toContain('db__query');
  expect(sinks['metrics']).toContain('toolturn_');
  expect(sinks['turns']).toContain('"turn"');
  expect(sinks['command line']).toContain('db__query');
  // A server's own environment is masked in its result, so it has been there.
  expect(sinks['models']).toContain('[redacted]');
  expect(stack.keys()).toContain(values.key);
  expect(oauth.tokenRequests.map((each) => each.authorization)).toContain(
    `Basic ${Buffer.from(`me:${values.oauthSecret}`).toString('base64')}`,
  );

  const belongs: Record<keyof typeof values, Canary['belongs']> = {
    key: [],
    masterKey: [],
    provider: [],
    serverToken: ['server db'],
    serverHeader: ['server db'],
    environment: [],
    oauthSecret: [],
    identitySecret: [],
    clientHeader: ['server db'],
    wrongHeader: [],
    addressPassword: [],
    addressPath: [],
    dataKey: [],
    consoleToken: [],
    result: ['models'],
    argument: ['models', 'server db', 'server web'],
  };
  const found = Object.entries(values).map(([name, value]) => [name, sinksWith(value, sinks)]);
  expect(Object.fromEntries(found)).toEqual(belongs);
  expect(sinksWith(secret, sinks)).toEqual([]);
  expect(sinksWith(Buffer.from(values.dataKey, 'hex').toString('latin1'), sinks)).toEqual([]);
}, 120_000);

test('a value is found in whatever form it stands', () => {
  const value = made('needle');
  const forms = [
    value,
    `Basic ${Buffer.from(`me:${value}`).toString('base64')}`,
    Buffer.from(value).toString('hex'),
  ];
  for (const form of forms) expect(sinksWith(value, { hay: `… ${form} …`, other: '' })).toEqual(['hay']);
});
