import { createHash } from 'node:crypto';
import { ConfigInvalid, loadConfig, type LoadedConfig } from './index';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const servers = `mcp_servers:
  db_main: {url: "http://h/mcp", alias: db, access_groups: [data]}
  web: {url: "http://h/mcp"}
  fs: {command: x, transport: stdio}
`;

function load(section: string, env: Record<string, string> = {}): LoadedConfig {
  const text = `${servers}toolturn:\n${section}`;
  return loadConfig({ path: 'config.yaml', env, readFile: () => Buffer.from(text) });
}

function problemOf(section: string, env?: Record<string, string>): string {
  try {
    load(section, env);
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.message;
    throw error;
  }
  return 'no problem';
}

const rules = (text: string): string => `  access:\n    default: none\n    rules:\n      - ${text}\n`;

describe('toolturn.access', () => {
  test('is compiled: servers by public name, groups looked up, raw keys hashed at once', () => {
    const { config, secrets } = load(
      rules(
        '{keys: [nightly, sk-alice], servers: [db_main, web], tools: {deny: ["*__drop"]}, parameters: {db__query: {database: [a, 1]}}}',
      ).replace('none', 'all') +
        '      - {teams: [t], access_groups: [data]}\n      - {users: [u], servers: ["*"]}\n',
    );
    expect(config.access).toEqual({
      byDefault: 'all',
      litellmGrants: 'honoured',
      rules: [
        {
          keys: ['nightly', sha256('sk-alice')],
          teams: [],
          users: [],
          servers: ['db', 'web'],
          deny: ['*__drop'],
          parameters: [{ tools: 'db__query', argument: 'database', values: ['a', 1] }],
        },
        { keys: [], teams: ['t'], users: [], servers: ['db'], deny: [], parameters: [] },
        { keys: [], teams: [], users: ['u'], servers: ['db', 'web', 'fs'], deny: [], parameters: [] },
      ],
    });
    expect(JSON.stringify(config)).not.toContain('sk-alice');
    expect(secrets).toContain('sk-alice');
  });

  test('without a section opens everything, and honours what LiteLLM grants', () => {
    expect(load('  inject: auto\n').config.access).toEqual({
      byDefault: 'all',
      litellmGrants: 'honoured',
      rules: [],
    });
  });

  test.each([
    [
      rules('{keys: [a], servers: [dbb]}'),
      '9:31 toolturn.access.rules[0].servers[0]: is no server of mcp_servers (did you mean "db"?)',
    ],
    [rules('{keys: [a], access_groups: [date]}'), 'is in access_groups of no server (did you mean "data"?)'],
    [
      rules('{keys: [a], tools: {allow: ["wen__*"]}}'),
      'begins with "wen", which is the public name of no server (did you mean "web"?)',
    ],
    [
      rules('{keys: [a], tools: {deny: [db_main__drop]}}'),
      'the public name of no server (the model sees it as "db__…")',
    ],
    [rules('{keys: [a], tools: {deny: [drop]}}'), 'is no name of a tool as the model sees it'],
    [rules('{keys: [a], parameters: {dbb__query: {database: [x]}}}'), 'begins with "dbb"'],
    [rules('{servers: [db]}'), 'names nobody; give keys:, teams: or users:'],
    [rules('{keys: [a]}'), 'grants and denies nothing'],
    [
      rules('{keys: [a], server: [db]}'),
      'rules[0].server: is no setting of Toolturn (did you mean "servers"?)',
    ],
    [
      rules('{keys: [a], tools: {allowed: []}}'),
      'tools.allowed: is no setting of Toolturn; known here: allow, deny',
    ],
    [
      rules('{keys: [a], servers: [db]}').replace('    default: none\n', ''),
      'must say default: all or default: none',
    ],
    ['  access: {default: some}\n', 'must be all or none'],
    ['  access: {litellm_grants: maybe}\n', 'must be honoured, required, ignored'],
    [rules('{keys: sk-alice, servers: [db]}'), 'must be a list of texts, got "sk-…"'],
  ])('refuses %j', (section, message) => {
    expect(problemOf(section)).toContain(message);
    expect(problemOf(section)).not.toContain('sk-alice');
  });
});

describe('toolturn.servers.<name>.identity', () => {
  const env = { ID_SECRET: 'x'.repeat(32) };
  const identity = (settings: string, name = 'db') => `  servers:\n    ${name}: {identity: {${settings}}}\n`;

  test('is for the public name of the server where nothing else is said', () => {
    const { config, secrets } = load(identity('secret: os.environ/ID_SECRET'), env);
    expect(config.servers[0]?.settings).toEqual({
      enabled: true,
      instructions: false,
      identity: { header: 'x-toolturn-identity', audience: 'db', ttlSeconds: 60, secret: env.ID_SECRET },
    });
    expect(secrets).toContain(env.ID_SECRET);
  });

  test.each([
    [identity('secret: "written-here-with-thirty-two-characters"'), 'must come from the environment'],
    [identity('secret: os.environ/SHORT'), 'must have at least 32 characters'],
    [identity('audience: x'), 'identity: must be text'],
    [identity('secret: os.environ/ID_SECRET', 'fs'), 'needs a server with a url'],
    [identity('secret: os.environ/ID_SECRET, header: mcp-session-id'), 'is a header of the protocol'],
    [identity('secret: os.environ/ID_SECRET, ttl: 2h'), 'must be a time with its unit'],
    [
      identity('secret: os.environ/ID_SECRET, aud: x'),
      'identity.aud: is no setting of Toolturn; known here: header, audience, ttl, secret',
    ],
  ])('refuses %j', (section, message) => {
    expect(problemOf(section, { ...env, SHORT: 'short' })).toContain(message);
  });
});
