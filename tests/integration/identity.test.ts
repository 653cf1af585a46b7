import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import type { ModelRequest } from '../../scripts/src/scripted-model';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

/** Everything that one MCP server was sent. */
interface Watched {
  readonly fixture: HttpFixture;
  readonly seen: { headers: IncomingHttpHeaders; body: any }[];
}

const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'Hello?' }] };
const identitySecret = 'a-secret-of-more-than-thirty-two-characters';

let db: Watched;
let web: Watched;
let vault: Watched;
let stack: Stack;

/** A server that shows `whoami`, and to who brings a credential of its own `mine` too. */
async function watched(...tools: string[]): Promise<Watched> {
  const seen: Watched['seen'] = [];
  const fixture = await startHttpFixture({
    tools: tools.map((name) => ({ name })),
    intercept: (request, _response, body) => {
      seen.push({ headers: request.headers, body });
      return false;
    },
  });
  return { fixture, seen };
}

beforeAll(async () => {
  [db, web, vault] = await Promise.all([watched('query'), watched('fetch'), watched('open')]);
  stack = await startStack({
    servers: {
      db_main: {
        url: db.fixture.url,
        transport: 'http',
        alias: 'db',
        auth_type: 'bearer_token',
        auth_value: 'os.environ/DB_TOKEN',
      },
      web: { url: web.fixture.url, transport: 'http' },
      vault: { url: vault.fixture.url, transport: 'http' },
      files: { transport: 'stdio', command: process.execPath, args: ['-e', 'process.stdin.resume()'] },
    },
    toolturn: {
      servers: {
        vault: { identity: { audience: 'the-vault', ttl: '60s', secret: 'os.environ/VAULT_SECRET' } },
      },
    },
    env: {
      DB_TOKEN: 'the-shared-token',
      VAULT_SECRET: identitySecret,
      TOOLTURN_LOG_LEVEL: 'debug',
      KEY_FACTS: JSON.stringify({ alice: { key_alias: 'alice', user_id: 'user-alice', team_id: 'team-a' } }),
    },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  for (const each of [db, web, vault]) await each?.fixture.stop();
});

const forget = (): void => {
  stack.model.reset();
  for (const { seen } of [db, web, vault]) seen.length = 0;
};

const callsOf = ({ seen }: Watched) => seen.filter(({ body }) => body?.method === 'tools/call');

/** One turn in which the model calls these tools; gives what it was told. */
async function turn(
  names: readonly string[],
  headers: Record<string, string> = {},
  stream = false,
): Promise<string[]> {
  stack.model.reset();
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { toolCalls: names.map((name) => ({ name, arguments: '{}' })) }
      : { text: 'Done.' },
  );
  const answer: any = await stack
    .client()
    .chat.completions.create({ ...question, stream } as never, { headers });
  if (stream) for await (const _chunk of answer);
  return lastResults(stack.model.requests[1] as ModelRequest);
}

const both = ['db__query', 'web__fetch'];

describe('a header for one server', () => {
  it.each([
    ['not streaming', false, 'x-mcp-db-x-api-key', 'x-api-key'],
    ['streaming', true, 'x-mcp-db-x-api-key', 'x-api-key'],
    ['by the name of the server', false, 'x-mcp-db_main-planization', 'planization'],
    ['by the name with dashes, which proxies let through', false, 'x-mcp-db-main-planization', 'planization'],
  ])('reaches that server and nobody else: %s', async (_how, stream, sent, received) => {
    forget();
    const value = `value-of-${sent}-${stream}`;
    await turn(both, { [sent]: value }, stream);
    expect(callsOf(db).map(({ headers }) => headers[received])).toEqual([value]);
    expect(callsOf(web)).toHaveLength(1);
    expect(JSON.stringify([web.seen, vault.seen])).not.toContain(value);
    // Its own session beside the shared one: the configured credential stays where the client sets none.
    expect(callsOf(db)[0]?.headers.authorization).toBe('Bearer the-shared-token');
  });

  it('takes the place of the configured one of that name', async () => {
    forget();
    await turn(both, { 'x-mcp-db-authorization': 'Bearer of-alice' });
    expect(callsOf(db)[0]?.headers.authorization).toBe('Bearer of-alice');
    expect(callsOf(web)[0]?.headers.authorization).toBeUndefined();
    await turn(both);
    expect(callsOf(db)[1]?.headers.authorization).toBe('Bearer the-shared-token');
  });

  it('gives each client a session of its own, and the same client the same one again', async () => {
    forget();
    const clients = ['Bearer one', 'Bearer two', 'Bearer one', 'Bearer two'];
    // Equal requests at the same time would be one turn.
    const keys = clients.map((_, position) => ({ 'idempotency-key': `session-${position}` }));
    await Promise.all(
      clients.map((value, position) => oneTurn({ 'x-mcp-db-authorization': value, ...keys[position] })),
    );
    const sessions = callsOf(db).map(({ headers }) => [headers.authorization, headers['mcp-session-id']]);
    expect(sessions).toHaveLength(4);
    const idsOf = (value: string) =>
      new Set(sessions.filter(([authorization]) => authorization === value).map(([, id]) => id));
    expect(idsOf('Bearer one').size).toBe(1);
    expect(idsOf('Bearer two').size).toBe(1);
    expect([...idsOf('Bearer one')]).not.toEqual([...idsOf('Bearer two')]);
    // Every request of a session, its handshake and its lists included, carries one and the same credential.
    const bySession = new Map<string, Set<string>>();
    for (const { headers } of db.seen) {
      const id = headers['mcp-session-id'];
      if (typeof id !== 'string') continue;
      bySession.set(id, (bySession.get(id) ?? new Set()).add(String(headers.authorization)));
    }
    expect([...bySession.values()].every((values) => values.size === 1)).toBe(true);
  });

  it.each([
    ['a server that is not known', 'x-mcp-nonsense-authorization', /names no MCP server/],
    ['a server that runs as a program', 'x-mcp-files-authorization', /takes no headers/],
    ['the session of the protocol', 'x-mcp-db-mcp-session-id', /cannot set/],
    ['the host', 'x-mcp-db-host', /cannot set/],
    ['the identity that we sign', 'x-mcp-vault-x-toolturn-identity', /cannot set/],
    ['every server at once', 'x-mcp-auth', /one server in x-mcp-servers/],
  ])('is an error for %s, which does not repeat the value', async (_what, name, message) => {
    forget();
    const attempt = stack.client().chat.completions.create(question, { headers: { [name]: 'canary-value' } });
    const error: any = await attempt.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ status: 400, message: expect.stringMatching(message) });
    expect(error.message).not.toContain('canary-value');
    expect(stack.model.requests).toHaveLength(0);
  });

  it('takes the older x-mcp-auth for the one server that the request chooses', async () => {
    forget();
    await turn(['db__query'], { 'x-mcp-servers': 'db', 'x-mcp-auth': 'older' });
    expect(callsOf(db)[0]?.headers.authorization).toBe('Bearer older');
  });
});

/** A turn under headers, safe to run beside others. */
async function oneTurn(headers: Record<string, string>): Promise<void> {
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0 ? { toolCalls: [{ name: 'db__query', arguments: '{}' }] } : { text: 'Done.' },
  );
  await stack.client().chat.completions.create(question, { headers });
}

describe('a server that shows its tools only to a credential of the client', () => {
  let picky: HttpFixture;
  let own: Stack;

  beforeAll(async () => {
    picky = await startHttpFixture({
      tools: [{ name: 'mine' }],
      intercept: (request, response) => {
        if (request.headers.authorization === 'Bearer of-alice') return false;
        response.writeHead(401).end();
        return true;
      },
    });
    own = await startStack({ servers: { picky: { url: picky.url, transport: 'http' } } });
  }, 180_000);

  afterAll(async () => {
    await own?.stop();
    await picky?.stop();
  });

  it('offers and runs them for that client, and nothing for others', async () => {
    const headers = { 'x-mcp-picky-authorization': 'Bearer of-alice' };
    own.model.answerWith((request) =>
      roundsBehind(request) === 0 && toolNames(request).length > 0
        ? { toolCalls: [{ name: 'picky__mine', arguments: '{}' }] }
        : { text: 'Done.' },
    );
    await own.client().chat.completions.create(question, { headers });
    expect(toolNames(own.model.requests[0])).toEqual(['picky__mine']);
    expect(picky.calls).toHaveLength(1);
    own.model.reset();
    await own.client().chat.completions.create(question);
    expect(toolNames(own.model.requests[0])).toEqual([]);
  });
});

describe('a signed identity token', () => {
  it('says for whom each call is made, under a signature that another library can check', async () => {
    forget();
    await turn(['vault__open', 'vault__open', 'web__fetch']);
    const [first, second] = callsOf(vault).map(({ headers }) => String(headers['x-toolturn-identity']));
    const claims = await verified(first ?? '');
    expect(claims).toMatchObject({
      iss: 'toolturn',
      aud: 'the-vault',
      sub: 'user-alice',
      key_alias: 'alice',
      user: 'user-alice',
      team: 'team-a',
      turn: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(claims.exp - claims.iat).toBe(60);
    expect((await verified(second ?? '')).jti).not.toBe(claims.jti);
    expect(JSON.stringify(web.seen)).not.toContain('toolturn-identity');
  });

  it('is refused by the server under another secret or for another audience', async () => {
    forget();
    await turn(['vault__open']);
    const token = String(callsOf(vault)[0]?.headers['x-toolturn-identity']);
    await expect(verified(token, 'another-secret-of-thirty-two-characters')).rejects.toThrow(
      /InvalidSignature/,
    );
    await expect(verified(token, identitySecret, 'another')).rejects.toThrow(/InvalidAudience/);
  });
});

/** Checks a token as a Python server would, with PyJWT. Does not hold up the sockets of this process. */
async function verified(token: string, secret = identitySecret, audience = 'the-vault'): Promise<any> {
  const script =
    'import json, jwt, sys; t, s, a = sys.argv[1:]; print(json.dumps(jwt.decode(t, s, algorithms=["HS256"], audience=a, issuer="toolturn")))';
  const python = join(process.env['TOOLTURN_LITELLM_VENV'] ?? join('.toolturn', 'venv'), 'bin', 'python');
  const { stdout } = await promisify(execFile)(python, ['-c', script, token, secret, audience]);
  return JSON.parse(stdout);
}

describe('secrets of a caller', () => {
  const canary = 'canary-of-the-client-4711';

  it('its LiteLLM key reaches no MCP server, no log, no Redis, and no error', async () => {
    forget();
    const key = 'sk-test-alice';
    await turn([...both, 'vault__open']);
    await turn(both, { 'x-mcp-db-x-api-key': canary }, true);
    await turn(['web__nonsense'], {}, true);
    const error = await stack
      .client()
      .chat.completions.create(question, { headers: { 'x-mcp-db-authorization': `Bearer ${key}` } })
      .then(
        () => undefined,
        (reason: Error) => reason,
      );
    expect(error?.message).toContain('holds the LiteLLM key');
    const sinks = {
      servers: JSON.stringify([db.seen, web.seen, vault.seen]),
      log: readFileSync(join(stack.dir, 'hook-service.log'), 'utf8'),
      redis: await dump(),
      error: `${error?.message}`,
      model: JSON.stringify(stack.model.requests),
    };
    expect(callsOf(db).length).toBeGreaterThan(1);
    for (const [sink, text] of Object.entries(sinks)) {
      expect([sink, text.includes(key)]).toEqual([sink, false]);
      // What the client sends to one server goes there, and nowhere else.
      if (sink !== 'servers') expect([sink, text.includes(canary)]).toEqual([sink, false]);
    }
    expect(JSON.stringify([web.seen, vault.seen])).not.toContain(canary);
  });
});

/** Everything in Redis, keys and values. */
async function dump(): Promise<string> {
  const redis = new Redis(stack.redis.url);
  try {
    const keys = await redis.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    const values = await Promise.all(keys.map((key) => redis.dump(key).catch(() => null)));
    const plain = await Promise.all(keys.map((key) => redis.get(key).catch(() => '')));
    return [...keys, ...plain, ...values].join('\n');
  } finally {
    redis.disconnect();
  }
}
