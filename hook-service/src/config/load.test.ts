import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { RemoteServer } from '../core/servers';
import { ConfigInvalid, loadConfig, type LoadedConfig } from './index';

/** Loads a config from text, as if it stood in config.yaml. */
function load(text: string, env: Record<string, string> = {}): LoadedConfig {
  return loadConfig({ path: 'config.yaml', env, readFile: () => Buffer.from(text) });
}

/** What is wrong with a config, one line per problem. */
function problemsOf(text: string, env: Record<string, string> = {}): string {
  try {
    return load(text, env)
      .warnings.map((w) => `${w.line}:${w.column} ${w.path}: ${w.message}`)
      .join('\n');
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.message;
    throw error;
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const litellmId = (text: string): string => sha256(text).slice(0, 32);

function remote(settings: string, env: Record<string, string> = {}): RemoteServer {
  const [server] = load(`mcp_servers:\n  a: {url: "http://h:1/mcp", ${settings}}\n`, env).config.servers;
  if (server?.transport !== 'http' && server?.transport !== 'sse') throw new Error('not a remote server');
  return server;
}

describe('a config without a toolturn section', () => {
  const { config, warnings } = load('model_list: []\n');

  test('has the documented defaults', () => {
    expect(config).toEqual({
      servers: [],
      surface: { default: 'hidden', keys: [] },
      delimit: [],
      secretPatterns: { known: true, patterns: [] },
      allowances: {
        conversation: { most: {}, forgetSeconds: 604_800 },
        key: { most: {}, windowSeconds: 86_400 },
      },
      console: { host: '127.0.0.1', port: 48_901, hosts: [], content: false },
      access: { byDefault: 'all', litellmGrants: 'honoured', rules: [] },
      approval: [],
      pins: { policy: 'allow' },
      metrics: { redis: true, prometheus: 'secret', retentionSeconds: 7 * 86_400 },
      audit: { log: true, arguments: false, entries: 100_000, retentionSeconds: 30 * 86_400 },
      mcp: { enabled: true, hosts: [], origins: [] },
      inject: { default: 'auto', models: [], keys: [] },
      limits: {
        rounds: 10,
        calls: 50,
        parallel: 8,
        turnMs: 300_000,
        answerMs: 60_000,
        callMs: 60_000,
        callMaxMs: 300_000,
        repeats: 5,
        resultBytes: 100_000,
      },
      catalog: { aboveTokens: 6000, pinned: [] },
      rates: { tools: [] },
      turnsAtOnce: { all: 1000 },
      bodyBytes: 33_554_432,
      clientTools: { byDefault: 'all', rules: [], urls: [], stripsHidden: false },
      keepAliveMs: 5000,
      fastPath: true,
      outcomeTtlSeconds: 3600,
      retryWindowSeconds: 600,
      memoryTtlSeconds: 604_800,
      logLevel: 'info',
      source: { file: 'config.yaml', files: ['config.yaml'] },
    });
    expect(warnings).toEqual([]);
  });

  test('is frozen all the way down', () => {
    expect(Object.isFrozen(config.limits)).toBe(true);
    expect(Object.isFrozen(config.inject.models)).toBe(true);
  });
});

describe('mcp_servers', () => {
  test('a stdio server is read whole', () => {
    const { config, warnings } = load(
      `
mcp_servers:
  fs:
    transport: stdio
    command: npx
    args: [-y, "@modelcontextprotocol/server-filesystem", /data]
    env: {TOKEN: os.environ/FS_TOKEN, PORT: "5432"}
    cwd: /srv
    alias: files
    description: Files
    timeout: 30
    require_approval: always
    allowed_tools: [read_file]
    disallowed_tools: [write_file]
    mcp_info: {server_name: x}
`,
      { FS_TOKEN: 'from-the-environment' },
    );
    expect(config.servers).toEqual([
      {
        name: 'fs',
        publicName: 'files',
        transport: 'stdio',
        command: 'npx',
        args: ['-y', '@modelcontextprotocol/server-filesystem', '/data'],
        env: { TOKEN: 'from-the-environment', PORT: '5432' },
        cwd: '/srv',
        description: 'Files',
        timeoutMs: 30_000,
        requireApproval: 'always',
        allowedTools: ['read_file'],
        disallowedTools: ['write_file'],
        litellmIds: [litellmId('fs||stdio||files')],
      },
    ]);
    expect(warnings).toEqual([]);
  });

  test('a server with a url and nothing else is reached over http, runs without asking, and is open to every key', () => {
    expect(load('mcp_servers:\n  a: {url: "http://h:1/mcp"}\n').config.servers).toEqual([
      {
        name: 'a',
        publicName: 'a',
        transport: 'http',
        url: 'http://h:1/mcp',
        headers: {},
        timeoutMs: 60_000,
        requireApproval: 'never',
        litellmIds: [litellmId('a|http://h:1/mcp|http||'), litellmId('a|http://h:1/mcp|MCPTransport.http||')],
      },
    ]);
  });

  test.each([
    ['bearer_token', { Authorization: 'Bearer user:pass' }],
    ['basic', { Authorization: 'Basic dXNlcjpwYXNz' }],
    ['api_key', { 'X-API-Key': 'user:pass' }],
    ['authorization', { Authorization: 'user:pass' }],
  ])('auth_type %s makes the header that LiteLLM makes', (type, headers) => {
    expect(remote(`auth_type: ${type}, auth_value: os.environ/T`, { T: 'user:pass' }).headers).toEqual(
      headers,
    );
  });

  test('authentication_token comes before auth_value', () => {
    const server = remote('auth_type: authorization, auth_value: a, authentication_token: b');
    expect(server.headers).toEqual({ Authorization: 'b' });
  });

  test('a header written out takes the place of the one auth_type gives', () => {
    const server = remote(
      'auth_type: bearer_token, auth_value: a, static_headers: {authorization: mine, X-B: c}',
    );
    expect(server.headers).toEqual({ authorization: 'mine', 'X-B': 'c' });
  });

  test('user and password move from the url into a header', () => {
    const [server] = load('mcp_servers:\n  a: {url: "http://us%20er:p%zz@h:1/mcp"}\n').config.servers;
    expect(server).toMatchObject({
      url: 'http://h:1/mcp',
      headers: {
        Authorization: `Basic ${Buffer.from('us%20er:p%zz'.replace('%20', ' ')).toString('base64')}`,
      },
    });
  });

  test('api_keys are kept as hashes only, and a hash is taken as it is', () => {
    const hash = 'A'.repeat(64);
    const { config, secrets } = load(
      `mcp_servers:\n  a: {url: "http://h/mcp", api_keys: [sk-one, os.environ/K, ${hash}]}\n`,
      { K: 'sk-two' },
    );
    expect(config.servers[0]?.allowedKeyHashes).toEqual([
      sha256('sk-one'),
      sha256('sk-two'),
      hash.toLowerCase(),
    ]);
    expect(JSON.stringify(config)).not.toContain('sk-one');
    expect(secrets).toEqual(expect.arrayContaining(['sk-one', 'sk-two']));
  });

  test('the alias comes from the entry, else from mcp_aliases, else it is the name', () => {
    const { config } = load(`
mcp_servers:
  a: {url: "http://h/mcp", alias: own}
  b: {url: "http://h/mcp"}
  c: {url: "http://h/mcp"}
litellm_settings:
  mcp_aliases: {x: a, y: b, z: b}
`);
    expect(config.servers.map((server) => server.publicName)).toEqual(['own', 'y', 'c']);
  });

  test('servers keep the order of the file, also when their names are made of digits', () => {
    const { config } = load('mcp_servers:\n  b: {url: "http://h/mcp"}\n  "1": {url: "http://h/mcp"}\n');
    expect(config.servers.map((server) => server.name)).toEqual(['b', '1']);
  });

  test('names that every object has are ordinary names', () => {
    const names = ['__proto__', 'constructor', 'toString'];
    const { config } = load(`mcp_servers:\n${names.map((n) => `  ${n}: {url: "http://h/mcp"}\n`).join('')}`);
    expect(config.servers.map((server) => server.name)).toEqual(names);
  });

  test('the limit for calls applies where a server has no timeout, and may come from the environment', () => {
    const text =
      'mcp_servers:\n  a: {url: "http://h/mcp"}\ntoolturn:\n  limits: {call_seconds: os.environ/N}\n';
    expect(load(text, { N: '7' }).config.servers[0]?.timeoutMs).toBe(7000);
  });

  test('an included file takes the place of the section, and is watched too', () => {
    const files: Record<string, string> = {
      '/etc/config.yaml': 'include: [more.yaml]\nmcp_servers:\n  a: {url: "http://h/mcp"}\n',
      '/etc/more.yaml': 'mcp_servers:\n  b: {url: "http://h/mcp"}\n',
    };
    const { config } = loadConfig({
      path: '/etc/config.yaml',
      env: {},
      readFile: (path) => Buffer.from(files[path] ?? ''),
    });
    expect(config.servers.map((server) => server.name)).toEqual(['b']);
    expect(config.source.files).toEqual(['/etc/config.yaml', '/etc/more.yaml']);
  });
});

describe('the toolturn section', () => {
  test('an unquoted off means off, although YAML 1.1 reads it as false', () => {
    expect(load('toolturn: {inject: off}').config.inject.default).toBe('off');
    expect(load('toolturn: {inject: {models: {gpt-*: off}}}').config.inject.models).toEqual([
      { pattern: 'gpt-*', mode: 'off' },
    ]);
  });

  test('a raw key under inject.keys is kept as its hash', () => {
    expect(
      load('toolturn: {inject: {default: on_request, keys: {sk-raw: auto, team: off}}}').config.inject,
    ).toEqual({
      default: 'on_request',
      models: [],
      keys: [
        { key: sha256('sk-raw'), mode: 'auto' },
        { key: 'team', mode: 'off' },
      ],
    });
  });

  test.each([
    ['30s', 30],
    ['15m', 900],
    ['1h', 3600],
    ['7d', 604_800],
  ])('outcome_ttl %s is %d seconds', (text, seconds) => {
    expect(load(`toolturn: {outcome_ttl: ${text}}`).config.outcomeTtlSeconds).toBe(seconds);
  });

  test('catalog says when tools are searched, and which are offered all the same', () => {
    expect(load('toolturn: {catalog: {search_above_tokens: 0, pinned: [git__*]}}').config.catalog).toEqual({
      aboveTokens: 0,
      pinned: ['git__*'],
    });
  });

  test.each(['memory', 'mem'])('servers holds settings of a server under its name or alias (%s)', (name) => {
    const text = `mcp_servers:\n  memory: {url: "http://h/mcp", alias: mem}\n`;
    const [server] = load(`${text}toolturn: {servers: {${name}: {enabled: false}}}`).config.servers;
    expect(server).toMatchObject({ name: 'memory', publicName: 'mem', settings: { enabled: false } });
  });

  test('error_text of a server is a pattern for texts that are errors', () => {
    const text = `mcp_servers:\n  a: {url: "http://h/mcp"}\ntoolturn: {servers: {a: {error_text: "^Error: "}}}`;
    const pattern = load(text).config.servers[0]?.settings?.errorText;
    expect(['Error: no', 'no Error: '].map((each) => pattern?.test(each))).toEqual([true, false]);
  });

  test('names with nothing after them mean the defaults', () => {
    expect(load('toolturn:\n  limits:\n  inject:\n').config).toEqual(load('toolturn:\n').config);
  });
});

describe('what is wrong is said with its place and its remedy', () => {
  const server = (settings: string): string => `mcp_servers:\n  a: {url: "http://h/mcp", ${settings}}\n`;

  test.each([
    [
      'a wrong number',
      'toolturn:\n  limits:\n    rounds: ten\n',
      '3:5 toolturn.limits.rounds: must be a whole number from 1 to 100, got "ten"',
    ],
    [
      'a number out of range',
      'toolturn:\n  limits: {calls: 0}\n',
      '2:12 toolturn.limits.calls: must be a whole number from 1 to 1000, got 0',
    ],
    [
      'an unknown limit',
      'toolturn:\n  limits: {round: 3}\n',
      '2:12 toolturn.limits.round: is no setting of Toolturn (did you mean "rounds"?); known here: rounds, calls',
    ],
    [
      'pinned tools that are no list',
      'toolturn:\n  catalog: {pinned: git__*}\n',
      '2:13 toolturn.catalog.pinned: must be a list of texts, got "git__*"',
    ],
    [
      'an unknown setting of the catalog',
      'toolturn:\n  catalog: {pin: []}\n',
      '2:13 toolturn.catalog.pin: is no setting of Toolturn',
    ],
    [
      'an unknown setting',
      'toolturn:\n  keepAlive: 3\n',
      '2:3 toolturn.keepAlive: is no setting of Toolturn; known here: inject',
    ],
    [
      'inject: on',
      'toolturn:\n  inject: on\n',
      '2:3 toolturn.inject: must be auto, on_request or off; YAML reads on, yes and true as "true": write auto',
    ],
    [
      'a time without unit',
      'toolturn:\n  outcome_ttl: 1:30\n',
      '2:3 toolturn.outcome_ttl: must be a time with its unit such as 30s, 15m, 1h or 7d, from 1s to 30d, got 90',
    ],
    [
      'settings for no server',
      `${server('')}toolturn:\n  servers: {b: {}}\n`,
      '4:13 toolturn.servers.b: is no server of mcp_servers',
    ],
    [
      'an unknown setting of a server',
      `${server('')}toolturn:\n  servers: {a: {enable: false}}\n`,
      '4:17 toolturn.servers.a.enable: is no setting of Toolturn (did you mean "enabled"?); known here: enabled, instructions, error_text',
    ],
    [
      'a pattern that is none',
      `${server('')}toolturn:\n  servers: {a: {error_text: "("}}\n`,
      '4:17 toolturn.servers.a.error_text: must be a regular expression such as "^Error: ", got "("',
    ],
    [
      'an unknown setting of a tool',
      `${server('')}toolturn:\n  servers: {a: {tools: {t: {timout: 3}}}}\n`,
      '4:29 toolturn.servers.a.tools.t.timout: is no setting of Toolturn (did you mean "timeout"?); known here: enabled, name',
    ],
    [
      'a name that no provider accepts',
      `${server('')}toolturn:\n  servers: {a: {tools: {t: {name: my tool}}}}\n`,
      '4:29 toolturn.servers.a.tools.t.name: must be 1 to 64 letters, digits, _ or -, got "my tool"',
    ],
    [
      'one name for two tools',
      `${server('')}toolturn:\n  servers: {a: {tools: {t: {name: x}, u: {name: x}}}}\n`,
      'toolturn.servers.a.tools: gives one name to two tools',
    ],
    [
      'a cache time without unit',
      `${server('')}toolturn:\n  servers: {a: {tools: {t: {cache: 60}}}}\n`,
      '4:29 toolturn.servers.a.tools.t.cache: must be a time with its unit',
    ],
    [
      'fixed arguments that are no JSON',
      `${server('')}toolturn:\n  servers: {a: {tools: {t: {arguments: {day: 2026-01-01}}}}}\n`,
      '4:29 toolturn.servers.a.tools.t.arguments: must be a map of arguments; put dates in quotes',
    ],
    [
      'tools to be held without a file',
      'toolturn:\n  pins: {policy: hold}\n',
      '2:3 toolturn.pins: needs a file with policy: hold',
    ],
    [
      'an unknown policy',
      'toolturn:\n  pins: {policy: deny}\n',
      '2:10 toolturn.pins.policy: must be allow or hold, got "deny"',
    ],
    ['a section that is no map', 'toolturn: 3\n', '1:1 toolturn: must be a map of settings, got 3'],
    [
      'an unset variable',
      server('auth_value: os.environ/NOPE'),
      '2:28 mcp_servers.a.auth_value: the environment variable NOPE is not set',
    ],
    [
      'an empty variable in a list',
      server('api_keys: [os.environ/EMPTY]'),
      '2:39 mcp_servers.a.api_keys[0]: the environment variable EMPTY is empty',
    ],
    [
      'a variable of another form',
      server('auth_value: os.environ/oidc/google'),
      'names no environment variable',
    ],
    [
      '${VAR}',
      server('auth_value: "${TOKEN}"'),
      '"${TOKEN}" is not expanded by LiteLLM nor here; write os.environ/TOKEN',
    ],
    [
      'a variable in the middle',
      server('headers: {A: Bearer os.environ/T}'),
      'is replaced only where it begins the text',
    ],
    ['${VAR} in a list', 'mcp_servers:\n  a:\n    api_keys: [${KEY}]\n', '3:17 is not valid YAML: '],
    [
      '${VAR} in a list, with a hint',
      'mcp_servers:\n  a:\n    api_keys: [${KEY}]\n',
      'write os.environ/NAME, or put the text in quotes',
    ],
    ['a tab', 'mcp_servers:\n\ta: 1\n', 'Indent with spaces'],
    [
      'a number in env',
      'mcp_servers:\n  a: {command: x, transport: stdio, env: {PORT: 5432}}\n',
      '2:43 mcp_servers.a.env.PORT: must be text; put the value in quotes',
    ],
    [
      'a dash in a name',
      'mcp_servers:\n  a-b: {url: "http://h/mcp"}\n',
      '2:3 mcp_servers.a-b: has "-" in its name, which LiteLLM refuses; use "_"',
    ],
    ['a dash in an alias', server('alias: a-b'), 'has an alias with "-" in it'],
    ['no url', 'mcp_servers:\n  a: {transport: sse}\n', '2:3 mcp_servers.a: needs a url:'],
    [
      'no command',
      'mcp_servers:\n  a: {transport: stdio}\n',
      '2:3 mcp_servers.a: has transport: stdio, so it needs a command:',
    ],
    [
      'a command without transport',
      'mcp_servers:\n  a: {command: x}\n',
      'LiteLLM needs transport: stdio for that',
    ],
    ['an empty entry', 'mcp_servers:\n  a:\n', '2:3 mcp_servers.a: must be a map with a url: or a command:'],
    ['a list of servers', 'mcp_servers: [a]\n', 'mcp_servers: must be a map of server names to settings'],
    [
      'a url without scheme',
      'mcp_servers:\n  a: {url: "h:8000/mcp"}\n',
      '2:7 mcp_servers.a.url: must be a complete address',
    ],
    [
      'an sse url without path',
      'mcp_servers:\n  a: {url: "http://h:1", transport: sse}\n',
      'has no path; most sse servers answer at /sse only',
    ],
    ['streamable_http', server('transport: streamable_http'), 'LiteLLM refuses this spelling, so write http'],
    [
      'an unknown transport',
      server('transport: websocket'),
      'mcp_servers.a.transport: must be sse, http or stdio',
    ],
    [
      'an unknown auth_type',
      server('auth_type: oauth2'),
      'mcp_servers.a.auth_type: must be one of none, api_key',
    ],
    ['a value without auth_type', server('auth_value: x'), 'is sent nowhere without auth_type:'],
    ['auth_type without value', server('auth_type: basic'), 'sends nothing without auth_value:'],
    [
      'another word for approval',
      server('require_approval: sometimes'),
      'mcp_servers.a.require_approval: must be never, always, or a map',
    ],
    [
      'approval by what is no list',
      server('require_approval: {always: delete}'),
      'must be never, always, or a map with always: and never: of tool names',
    ],
    [
      'an approval rule about nothing',
      'toolturn:\n  approval:\n    - keys: [a]\n',
      'toolturn.approval[0]: says of no tool that it asks; give tools: or servers:',
    ],
    [
      'an approval rule for a server that there is not',
      'toolturn:\n  approval:\n    - servers: [nix]\n',
      'toolturn.approval[0].servers[0]: is no server of mcp_servers',
    ],
    [
      'an approval rule for a tool of no server',
      'toolturn:\n  approval:\n    - tools: [nix__x]\n',
      'which is the public name of no server',
    ],
    [
      'an access rule of LiteLLM',
      server('extra_headers: [x-a]'),
      '2:28 mcp_servers.a.extra_headers: has no effect in Toolturn yet',
    ],
    [
      'an unknown key',
      server('timeOut: 3'),
      '2:28 mcp_servers.a.timeOut: is not known and has no effect (did you mean "timeout"?)',
    ],
    [
      'a timeout beyond the limit',
      server('timeout: 90'),
      '2:28 mcp_servers.a.timeout: is longer than toolturn.limits.call_seconds, so calls end after 60 seconds',
    ],
    [
      'a line break in a header',
      server('auth_type: authorization, auth_value: "a\\n"'),
      'holds a line break',
    ],
    [
      'a header that is none',
      server('headers: {"a b": c}'),
      'mcp_servers.a.headers.a b: is no name of an HTTP header',
    ],
    ['no key at all', server('api_keys: []'), 'is empty, so no key may use this server'],
    ['a key that is none', server('api_keys: [lan-1]'), 'does not begin with sk-'],
    [
      'two servers with one name',
      'mcp_servers:\n  a: {url: "http://h/mcp", alias: x}\n  b: {url: "http://h/mcp", alias: x}\n',
      '3:28 mcp_servers.b.alias: has the same public name as a (line 2 and line 3)',
    ],
    [
      'an alias of nothing',
      'mcp_servers:\n  web: {url: "http://h/mcp"}\nlitellm_settings:\n  mcp_aliases: {w: webs}\n',
      '4:17 litellm_settings.mcp_aliases.w: is the alias of a server that does not stand in mcp_servers (did you mean "web"?)',
    ],
    [
      'a section that stands twice',
      'mcp_servers: {}\ntoolturn: {}\nmcp_servers: {}\n',
      '3:1 mcp_servers: stands twice, in line 1 and in line 3',
    ],
    [
      'a name that YAML reads as something else',
      'mcp_servers:\n  a: {command: x, transport: stdio, env: {NO: "1"}}\n',
      'YAML reads the name NO as false; quote it',
    ],
    [
      'a date',
      server('description: 2026-01-01'),
      'mcp_servers.a.description: must be text; put the value in quotes',
    ],
    ['an unknown tag', server('description: !env X'), 'has the tag !env, which cannot be read here'],
    ['an alias of YAML that does not exist', 'mcp_servers: *nope\n', '*nope names no anchor'],
    [
      'a wrong header name',
      'general_settings: {litellm_key_header_name: "x y"}\n',
      'general_settings.litellm_key_header_name: must be the name of a header',
    ],
    ['an empty file', '# nothing\n', 'config.yaml:1:1 is empty'],
    ['a list', '- a\n', 'must be a map of sections'],
    ['two documents', 'a: 1\n---\nb: 2\n', 'is not valid YAML: Source contains multiple documents'],
    ['an include that is no list', 'include: x.yaml\n', '1:1 include: must be a list of file names'],
  ])('%s', (_name, text, expected) => {
    expect(problemsOf(text, { EMPTY: '' })).toContain(expected);
  });

  test('everything at once, in the order of the file', () => {
    const text = 'toolturn:\n  limits: {rounds: x, calls: y}\nmcp_servers:\n  a-b: {url: nope}\n';
    const lines = problemsOf(text).split('\n');
    expect(lines.map((line) => line.split(': ')[0])).toEqual([
      'config.yaml:2:12 toolturn.limits.rounds',
      'config.yaml:2:23 toolturn.limits.calls',
      'config.yaml:4:3 mcp_servers.a-b',
      'config.yaml:4:9 mcp_servers.a-b.url',
    ]);
  });

  test('nothing about sections that belong to LiteLLM', () => {
    expect(problemsOf('model_list: [{a: os.environ/NOPE, b: "${X}", c: !odd d}]\nrouter_settings: 3\n')).toBe(
      '',
    );
  });

  test('a file that is not there, or not text', () => {
    expect(() => loadConfig({ path: '/nonexistent/config.yaml', env: {} })).toThrow(
      'cannot be read (ENOENT)',
    );
    const readFile = (): Uint8Array => Uint8Array.from([0x61, 0xff]);
    expect(() => loadConfig({ path: 'c.yaml', env: {}, readFile })).toThrow('c.yaml is not UTF-8 text');
  });

  test.each([
    ['lists', '['.repeat(10_000)],
    ['maps', `toolturn: ${'{a: '.repeat(2000)}1${'}'.repeat(2000)}`],
    [
      'aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghijk'.replace(/./g, (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]\n`)}toolturn: *k\n`,
    ],
    [
      'merges',
      `a: &a {x: 1}\n${'bcdefghijk'.replace(/./g, (c) => `${c}: &${c} {<<: [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]}\n`)}toolturn: *k\n`,
    ],
    ['an alias in itself', 'toolturn: &a {inject: *a}\n'],
  ])('endless %s are refused in time', (_name, text) => {
    expect(() => load(text)).toThrow(ConfigInvalid);
  });
});

describe('whatever stands in the file', () => {
  const words = fc.constantFrom(
    ...[
      'mcp_servers:',
      'toolturn:',
      'litellm_settings:',
      'mcp_aliases:',
      'inject:',
      'limits:',
      'rounds:',
      'a:',
    ],
    ...[
      'url:',
      'command:',
      'env:',
      'args:',
      'auth_type:',
      'basic',
      'auth_value:',
      'http://h',
      'os.environ/X',
    ],
    ...[
      'include:',
      '<<:',
      '&a',
      '*a',
      '!!int',
      '!x',
      '"',
      "'",
      '|',
      '>',
      '[',
      ']',
      '{',
      '}',
      ',',
      '- ',
      '? ',
      '#',
    ],
    ...[
      '\n',
      '\n  ',
      '\n    ',
      ' ',
      '\t',
      '---',
      'off',
      'null',
      '1:30',
      '2001-02-31',
      '=',
      '__proto__:',
      '${X}',
    ],
  );
  const texts = fc.oneof(
    fc.array(words, { maxLength: 40 }).map((parts) => parts.join('')),
    fc.string(),
  );

  test('loading it gives a config or ConfigInvalid', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(typeof problemsOf(text, { X: 'value' })).toBe('string');
      }),
      { numRuns: 1000 },
    );
  });

  const keys = [
    'url',
    'transport',
    'command',
    'args',
    'env',
    'alias',
    'auth_type',
    'auth_value',
    'headers',
    'timeout',
  ];
  const json = fc.dictionary(
    fc.constantFrom('mcp_servers', 'toolturn', 'litellm_settings', 'general_settings'),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const entry = fc.dictionary(
    fc.constantFrom(...keys, 'api_keys', 'health_check', 'allowed_tools', 'require_approval', 'constructor'),
    fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom('os.environ/X', ['os.environ/X'], { a: 'os.environ/X' }),
    ),
  );
  const shaped = fc.record({
    mcp_servers: fc.dictionary(fc.string(), entry),
    toolturn: fc.dictionary(
      fc.constantFrom('inject', 'limits', 'log_level', 'outcome_ttl', 'keep_alive_seconds'),
      fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom('os.environ/X', { rounds: 'os.environ/X' })),
    ),
  });

  test('no problem ever tells a value of the environment', () => {
    fc.assert(
      fc.property(fc.oneof(json, shaped), (config) => {
        expect(problemsOf(JSON.stringify(config), { X: 'canary-7f3a\n' })).not.toContain('canary-7f3a');
      }),
      { numRuns: 300 },
    );
  });
});
