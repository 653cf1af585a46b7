import { createHash } from 'node:crypto';
import { ToolturnError } from './errors';
import { readServerHeaders } from './server-headers';
import type { ServerConfig } from './servers';

function remote(name: string, publicName = name, more: object = {}): ServerConfig {
  return {
    transport: 'http',
    name,
    publicName,
    url: 'http://h/mcp',
    headers: {},
    timeoutMs: 1000,
    requireApproval: 'never',
    ...more,
  };
}

const servers: readonly ServerConfig[] = [
  remote('db_main', 'db'),
  remote('web'),
  remote('web_search'),
  remote('dashed', 'my-db'),
  remote('keyed', 'keyed', { authType: 'api_key' }),
  { ...remote('files'), transport: 'stdio', command: 'x', args: [], env: {} },
];

const read = (headers: Record<string, string>, key?: string) => readServerHeaders(headers, servers, key);

function problem(headers: Record<string, string>, key?: string): string {
  try {
    read(headers, key);
  } catch (error) {
    if (error instanceof ToolturnError && error.status === 400) return error.message;
  }
  return 'no problem';
}

test.each([
  ['x-mcp-db-authorization', { db: { authorization: 'v' } }],
  ['X-MCP-DB-Authorization', { db: { authorization: 'v' } }],
  // LiteLLM 1.77.3 cuts at the last dash and takes this for a server "db-x-api".
  ['x-mcp-db-x-api-key', { db: { 'x-api-key': 'v' } }],
  ['x-mcp-db_main-planization', { db: { planization: 'v' } }],
  ['x-mcp-db-main-planization', { db: { planization: 'v' } }],
  ['x-mcp-my-db-x-api-key', { 'my-db': { 'x-api-key': 'v' } }],
  ['x-mcp-web-search-authorization', { web_search: { authorization: 'v' } }],
  ['x-mcp-web_search-authorization', { web_search: { authorization: 'v' } }],
  ['x-mcp-web-authorization', { web: { authorization: 'v' } }],
])('%s is for the longest alias that fits', (name, expected) => {
  expect(read({ [name]: 'v' })).toEqual(expected);
});

test('several headers go each to its server, and other headers to none', () => {
  const headers = {
    'x-mcp-db-authorization': 'a',
    'x-mcp-db-x-tenant': 'b',
    'x-mcp-web-authorization': 'c',
    'x-mcp-servers': 'db',
    'x-mcp-access-groups': 'g',
    authorization: 'Bearer sk-1',
  };
  expect(read(headers)).toEqual({ db: { authorization: 'a', 'x-tenant': 'b' }, web: { authorization: 'c' } });
  expect(read({ authorization: 'Bearer sk-1' })).toBeUndefined();
});

test.each<[string, RegExp]>([
  ['x-mcp-nope-authorization', /x-mcp-nope-authorization names no MCP server/],
  ['x-mcp-db', /names no MCP server/],
  ['x-mcp-db-', /names no MCP server/],
  ['x-mcp-files-authorization', /runs as a program/],
  ...[
    'host',
    'connection',
    'transfer-encoding',
    'content-length',
    'content-type',
    'accept',
    'mcp-session-id',
    'mcp-protocol-version',
    'last-event-id',
    'x-forwarded-for',
    'x-toolturn-identity',
  ].map(
    (header) =>
      [`x-mcp-db-${header}`, new RegExp(`sets "${header}", which a client cannot set`)] as [string, RegExp],
  ),
])('%s is an error', (name, message) => {
  expect(problem({ [name]: 'a-value' })).toMatch(message);
  expect(problem({ [name]: 'a-value' })).not.toContain('a-value');
});

test('the name of the header with an identity token belongs to us', () => {
  const identity = { header: 'x-who', audience: 'a', ttlSeconds: 60, secret: 's' };
  const signed = [remote('vault', 'vault', { settings: { identity } })];
  expect(() => readServerHeaders({ 'x-mcp-vault-x-who': 'v' }, signed)).toThrow(/cannot set/);
});

test("a line break is refused, and so is the caller's own key", () => {
  const hash = createHash('sha256').update('sk-alice').digest('hex');
  expect(problem({ 'x-mcp-db-authorization': 'a\r\nb: c' })).toMatch(/no header may hold/);
  for (const value of ['sk-alice', 'Bearer sk-alice', 'key=sk-alice'])
    expect(problem({ 'x-mcp-db-authorization': value }, hash)).toMatch(/holds the LiteLLM key/);
  expect(problem({ 'x-mcp-db-authorization': 'Bearer of-alice' }, hash)).toBe('no problem');
});

test('x-mcp-auth is for the one server that is chosen, in the form of its auth_type', () => {
  expect(read({ 'x-mcp-auth': 'v', 'x-mcp-servers': 'keyed' })).toEqual({ keyed: { 'x-api-key': 'v' } });
  expect(read({ 'x-mcp-auth': 'v', 'x-mcp-servers': 'db' })).toEqual({ db: { authorization: 'v' } });
  for (const chosen of [{}, { 'x-mcp-servers': 'db,web' }])
    expect(problem({ 'x-mcp-auth': 'v', ...chosen })).toMatch(/would reach every MCP server/);
});
