import { createHash } from 'node:crypto';
import { Access, openPolicy, type AccessPolicy, type AccessRule } from './access';
import type { Caller } from './caller';
import type { OfferedTool } from './dialect';
import { OfferBook } from './offer';
import type { HostTool } from './ports';
import type { ServerConfig } from './servers';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

function server(publicName: string, more: Partial<ServerConfig> = {}): ServerConfig {
  return {
    transport: 'http',
    name: publicName,
    publicName,
    url: 'http://h/mcp',
    headers: {},
    timeoutMs: 1000,
    requireApproval: 'never',
    ...more,
  } as ServerConfig;
}

const servers = [
  server('db', { name: 'db_main', litellmIds: ['id-of-db'] }),
  server('web', { accessGroups: ['outside'] }),
  server('shut', { allowedKeyHashes: [hash('sk-alice')] }),
];

const inputSchema = {
  type: 'object',
  properties: { database: { type: 'string' }, hosts: { type: 'array', items: { type: 'string' } } },
  required: ['database'],
};
const tools: HostTool[] = [
  ['db', 'query'],
  ['db', 'drop'],
  ['web', 'fetch'],
  ['shut', 'open'],
].map(([name = '', tool = '']) => ({ server: name, tool, inputSchema }));

const nobody = { keys: [], teams: [], users: [], deny: [], parameters: [] };
const rule = (more: Partial<AccessRule>): AccessRule => ({ ...nobody, ...more });
const policy = (rules: readonly AccessRule[], more: Partial<AccessPolicy> = {}): AccessPolicy => ({
  ...openPolicy,
  byDefault: 'none',
  rules,
  ...more,
});

function bookOf(access: AccessPolicy): OfferBook {
  const catalog = { version: 1, tools };
  return new OfferBook({ catalog: () => catalog, call: async () => ({ content: [] }) }, servers, { access });
}

/** What a caller may use; offered, listed and run must agree. */
function may(access: AccessPolicy, caller: Caller): string[] {
  const book = bookOf(access);
  const client = { requested: false, count: 0, names: new Set<string>(), opaque: false };
  const decision = book.decide({ caller, mode: 'auto', client });
  const offered = decision.offer ? decision.tools.map(({ name }) => name) : [];
  const all = tools.map(({ server: name, tool }) => `${name}__${tool}`);
  expect(book.list(caller).map(({ name }) => name)).toEqual(offered);
  expect(all.filter((name) => book.resolve(caller, name) !== undefined)).toEqual(offered);
  expect(all.filter((name) => book.accessOf(caller).denied(name) === undefined)).toEqual(offered);
  return offered;
}

const open = ['db__query', 'db__drop', 'web__fetch'];

describe('the grants of rules', () => {
  test('add up, and nobody else gets any', () => {
    const access = policy([
      rule({ keys: ['a'], servers: ['web'] }),
      rule({ teams: ['t'], allow: ['db__q*'] }),
      rule({ users: ['u'], servers: ['db'], allow: ['*__drop'] }),
    ]);
    expect(may(access, { alias: 'a' })).toEqual(['web__fetch']);
    expect(may(access, { alias: 'a', team: 't', user: 'u' })).toEqual(open);
    expect(may(access, { team: 'x', teamAlias: 't' })).toEqual(['db__query']);
    expect(may(access, { alias: 'b' })).toEqual([]);
    expect(may(access, {})).toEqual([]);
  });

  test('name a key by alias, by hash, and by a hash of what a custom auth function calls it', () => {
    const access = policy([rule({ keys: [hash('sk-a')], servers: ['web'] })]);
    expect(may(access, { key: hash('sk-a') })).toEqual(['web__fetch']);
    expect(may(access, { key: 'sk-a' })).toEqual(['web__fetch']);
    expect(may(access, { key: hash('sk-b'), user: hash('sk-a') })).toEqual([]);
  });

  test('leave the default to those to whom none grants anything', () => {
    const access = policy([rule({ keys: ['a'], servers: ['web'] }), rule({ keys: ['b'], servers: [] })], {
      byDefault: 'all',
    });
    expect(may(access, { alias: 'c' })).toEqual(open);
    expect(may(access, { alias: 'a' })).toEqual(['web__fetch']);
    expect(may(access, { alias: 'b' })).toEqual([]);
  });

  test('are cut by every denial that fits, also of a rule that grants nothing', () => {
    const access = policy(
      [rule({ keys: ['*'], deny: ['*__drop'] }), rule({ keys: ['a'], servers: ['db'] })],
      {
        byDefault: 'all',
      },
    );
    expect(may(access, { alias: 'a' })).toEqual(['db__query']);
    expect(may(access, {})).toEqual(['db__query', 'web__fetch']);
  });

  test('do not open a server whose api_keys keep a caller out', () => {
    const access = policy([rule({ keys: ['*'], servers: ['shut'] })]);
    expect(may(access, { key: hash('sk-bob') })).toEqual([]);
    expect(may(access, { key: hash('sk-alice') })).toEqual(['shut__open']);
  });
});

describe("LiteLLM's own grants", () => {
  const grant = (more: object) => ({ servers: [], groups: [], tools: {}, ...more });
  const all = { ...openPolicy };

  test.each([
    ['an alias', { servers: ['db'] }, ['db__query', 'db__drop']],
    ['a name', { servers: ['db_main'] }, ['db__query', 'db__drop']],
    ["LiteLLM's id", { servers: ['id-of-db'] }, ['db__query', 'db__drop']],
    ['a group', { groups: ['outside'] }, ['web__fetch']],
    ['tools of a server', { tools: { 'id-of-db': ['query'] } }, ['db__query']],
    ['all tools of a server', { tools: { db: ['*'] } }, ['db__query', 'db__drop']],
    [
      'a server, and some of its tools',
      { servers: ['db', 'web'], tools: { db: ['drop'] } },
      ['db__drop', 'web__fetch'],
    ],
    ['what is unknown here', { servers: ['elsewhere'] }, []],
    ['a toolset, which cannot be read here', {}, []],
    ['no server, in so many words', { servers: ['no-mcp-servers', 'db'] }, []],
  ])('by %s cut', (_what, more, expected) => {
    expect(may(all, { grants: [grant(more)] })).toEqual(expected);
  });

  test('of several levels cut one after the other', () => {
    const grants = [grant({ servers: ['db', 'web'] }), grant({ servers: ['web', 'shut'] })];
    expect(may(all, { grants })).toEqual(['web__fetch']);
  });

  test('that are not recorded cut nothing, unless they are required; and can be ignored', () => {
    expect(may(all, {})).toEqual(open);
    expect(may({ ...all, litellmGrants: 'required' }, {})).toEqual([]);
    expect(may({ ...all, litellmGrants: 'required' }, { grants: [grant({ servers: ['web'] })] })).toEqual([
      'web__fetch',
    ]);
    expect(may({ ...all, litellmGrants: 'ignored' }, { grants: [grant({ servers: ['web'] })] })).toEqual(
      open,
    );
  });

  test('never give what the config does not', () => {
    expect(may(policy([]), { grants: [grant({ servers: ['db'] })] })).toEqual([]);
  });
});

describe('allow-lists of argument values', () => {
  const limit = (argument: string, values: readonly (string | number)[], pattern = 'db__query') => ({
    tools: pattern,
    argument,
    values,
  });
  const offered: OfferedTool = { name: 'db__query', host: tools[0] as HostTool };
  const access = (rules: readonly AccessRule[]) =>
    new Access(policy(rules), servers).of({ alias: 'a', team: 't' });
  const one = access([rule({ keys: ['a'], servers: ['db'], parameters: [limit('database', ['a', 'b'])] })]);

  test.each([
    [{ database: 'a' }, undefined],
    [{ database: 'b', hosts: ['anything'] }, undefined],
    [{ database: 'c' }, 'the argument "database" must be one of "a", "b"'],
    [{}, 'the argument "database" must be one of "a", "b"'],
    [{ database: null }, 'the argument "database" must be one of "a", "b"'],
    [{ database: ['a', 'b'] }, undefined],
    [{ database: ['a', 'c'] }, 'the argument "database" must be one of "a", "b"'],
    [{ database: [] }, 'the argument "database" must be one of "a", "b"'],
    [{ database: { a: 'a' } }, 'the argument "database" must be one of "a", "b"'],
    [JSON.parse('{"__proto__": {"database": "a"}}'), 'the argument "database" must be one of "a", "b"'],
  ])('decide on %j', (args, refusal) => {
    expect(one.refusal(offered, args)).toBe(refusal);
  });

  test('stand in the schema, in items where the argument is a list', () => {
    const rules = [
      rule({
        keys: ['a'],
        servers: ['db'],
        parameters: [limit('database', ['a']), limit('hosts', ['h'], 'db__*'), limit('unknown', ['x'])],
      }),
    ];
    expect(access(rules).permit(offered)?.host.inputSchema).toEqual({
      type: 'object',
      properties: {
        database: { type: 'string', enum: ['a'] },
        hosts: { type: 'array', items: { type: 'string', enum: ['h'] } },
      },
      required: ['database', 'hosts'],
    });
    expect(tools[0]?.inputSchema).toBe(inputSchema);
  });

  test('narrow what the model sees and not what arguments are compared with: the refusal is theirs to give', () => {
    const { host } = one.permit(offered) ?? {};
    expect(host?.serverSchema).toBe(inputSchema);
    const before = { ...offered, host: { ...offered.host, serverSchema: { type: 'object' } } };
    expect(one.permit(before)?.host.serverSchema).toBe(before.host.serverSchema);
  });

  test('of one grant do not limit what another grants', () => {
    const both = access([
      rule({ keys: ['a'], servers: ['db'], parameters: [limit('database', ['a'])] }),
      rule({ teams: ['t'], servers: ['db'] }),
    ]);
    expect(both.refusal(offered, { database: 'z' })).toBeUndefined();
    expect(both.permit(offered)?.host).toBe(tools[0]);
  });

  test('of two grants add up, each with its own combination', () => {
    const both = access([
      rule({ keys: ['a'], servers: ['db'], parameters: [limit('database', ['a']), limit('hosts', ['x'])] }),
      rule({ teams: ['t'], servers: ['db'], parameters: [limit('database', ['b']), limit('hosts', ['y'])] }),
    ]);
    expect(both.refusal(offered, { database: 'a', hosts: ['x'] })).toBeUndefined();
    expect(both.refusal(offered, { database: 'a', hosts: ['y'] })).toBe(
      'these arguments are not permitted together',
    );
    expect(both.refusal(offered, { database: 'c', hosts: ['x'] })).toMatch(/must be one of "a", "b"/);
  });

  test('of a rule that grants nothing hold for whatever is granted', () => {
    const both = access([
      rule({ teams: ['t'], servers: ['db'] }),
      rule({ keys: ['*'], parameters: [limit('database', ['a'])] }),
    ]);
    expect(both.refusal(offered, { database: 'b' })).toMatch(/must be one of "a"/);
    expect(both.refusal(offered, { database: 'a' })).toBeUndefined();
  });
});

test('a server is open as a whole where nothing cuts it to some of its tools', () => {
  const opens = (access: AccessPolicy, caller: Caller): string[] =>
    servers.flatMap(({ publicName }) => (bookOf(access).opens(caller, publicName) ? [publicName] : []));
  const access = policy([
    rule({ keys: ['a'], servers: ['db', 'shut'] }),
    rule({ keys: ['b'], servers: ['db'], allow: ['db__query'] }),
  ]);
  expect(opens(access, { alias: 'a' })).toEqual(['db']);
  expect(opens(access, { alias: 'b' })).toEqual([]);
  expect(opens(openPolicy, {})).toEqual(['db', 'web']);
  const grants = [{ servers: ['web'], groups: [], tools: { db: ['query'] } }];
  expect(opens(openPolicy, { grants })).toEqual(['web']);
});

test('warnings about tools name no tool that the caller may not use', () => {
  const alike: HostTool[] = [
    { server: 'db', tool: 'read_file', inputSchema },
    { server: 'web', tool: 'readFile', inputSchema },
  ];
  const catalog = { version: 1, tools: alike };
  const host = { catalog: () => catalog, call: async () => ({ content: [] }) };
  const access = policy([
    rule({ keys: ['a'], servers: ['db'] }),
    rule({ keys: ['b'], servers: ['db', 'web'] }),
  ]);
  const book = new OfferBook(host, servers, { access });
  expect([...book.warnings({ alias: 'a' })]).toEqual([]);
  expect(book.warnings({ alias: 'b' }).get(JSON.stringify(['db', 'read_file']))).toEqual([
    'its name looks like web__readFile',
  ]);
  expect(book.warnings({ alias: 'b' })).toBe(book.warnings({ alias: 'b' }));
});

test('rights are remembered for many callers and not for all', () => {
  const access = new Access(openPolicy, servers);
  const first = access.of({ alias: 'caller-0' });
  expect(access.of({ alias: 'caller-0' })).toBe(first);
  for (let index = 1; index <= 1000; index += 1) access.of({ alias: `caller-${index}` });
  expect(access.of({ alias: 'caller-0' })).not.toBe(first);
  expect(access.of({ alias: 'caller-0' }).rights).toBe(first.rights);
});
