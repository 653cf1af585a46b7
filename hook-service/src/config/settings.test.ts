import { changesOf } from './changes';
import { readSettings, SettingsInvalid, type Settings } from './settings';

const secret = 'a-secret-of-some-length';
const server = 'mcp_servers:\n  db: {url: http://h/mcp}\n';

function read(texts: Record<string, string>, env: Record<string, string> = { TOOLTURN_SECRET: secret }) {
  return readSettings({
    configPath: 'config.yaml',
    envFiles: Object.keys(texts).filter((file) => file.endsWith('.env')),
    env,
    readFile: (file) => {
      const text = texts[file.split('/').at(-1) ?? ''];
      if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
      return Buffer.from(text);
    },
    modeOf: () => 0o600,
  });
}
function good(...of: Parameters<typeof read>): Settings {
  const { result } = read(...of);
  if (result instanceof SettingsInvalid) throw result;
  return result;
}
function problems(...of: Parameters<typeof read>): readonly string[] {
  const { result } = read(...of);
  if (!(result instanceof SettingsInvalid)) throw new Error('It was to be wrong');
  return result.problems;
}

describe('the environment and its files', () => {
  it('the process beats the files, which is said where the values differ, and an empty variable is none', () => {
    const { environment, warnings } = good(
      {
        'config.yaml': server,
        'a.env': `TOOLTURN_SECRET=${secret}\nTOOLTURN_PORT=1\nLITELLM_URL=http://a\nREDIS_URL=redis://a`,
      },
      { TOOLTURN_PORT: '2', LITELLM_URL: '', REDIS_URL: 'redis://a' },
    );
    expect(environment).toMatchObject({ port: 2, litellmUrl: 'http://a', redisUrl: 'redis://a' });
    expect(warnings).toEqual([
      'a.env:2:1 warning: TOOLTURN_PORT has another value in the environment of the process, and that one counts',
    ]);
  });

  it('gives the config its variables', () => {
    const settings = good(
      {
        'config.yaml':
          'mcp_servers:\n  db: {url: http://h/mcp, auth_type: bearer_token, auth_value: os.environ/DB_TOKEN}\n',
        'a.env': `TOOLTURN_SECRET=${secret}\nDB_TOKEN=canary-token\n`,
      },
      {},
    );
    expect(settings.config.servers).toMatchObject([{ headers: { Authorization: 'Bearer canary-token' } }]);
    expect(settings.secrets).toEqual(expect.arrayContaining([secret, 'canary-token']));
  });

  it('everything that is wrong is said at once, with its place', () => {
    const texts = {
      'config.yaml': 'toolturn: {limts: {}}\n',
      'a.env': 'TOOLTURN_SECRET=short\nwhat\n',
    };
    expect(problems(texts, {})).toEqual([
      'a.env:2:1 must be NAME=value, a comment (#), or empty',
      'a.env:1:1 TOOLTURN_SECRET must have at least 16 characters (each, where several are separated by commas)',
      expect.stringMatching(/^config\.yaml:1:12 toolturn\.limts: is no setting of Toolturn/),
    ]);
  });

  it('every file that was asked for is named, whether it could be read or not', () => {
    const { files } = read({
      'config.yaml': 'include: [more.yaml, gone.yaml]\n',
      'a.env': '',
      'more.yaml': '',
    });
    expect(files.map((file) => file.split('/').at(-1))).toEqual([
      'a.env',
      'config.yaml',
      'more.yaml',
      'gone.yaml',
    ]);
  });
});

describe('the version', () => {
  const versionOf = (text: string, env?: Record<string, string>): string =>
    good({ 'config.yaml': text }, env).version;

  it('is the same for what means the same, and another one for everything else', () => {
    expect(versionOf(server)).toMatch(/^[0-9a-f]{12}$/);
    expect(versionOf(`# a comment\n${server}model_list: []\n`)).toBe(versionOf(server));
    expect(versionOf(server.replace('http://h', 'http://i'))).not.toBe(versionOf(server));
    expect(versionOf(`${server}toolturn: {servers: {db: {error_text: a}}}\n`)).not.toBe(
      versionOf(`${server}toolturn: {servers: {db: {error_text: b}}}\n`),
    );
  });

  it('cannot be computed by who does not have the secret', () => {
    expect(versionOf(server, { TOOLTURN_SECRET: `other-${secret}` })).not.toBe(versionOf(server));
  });
});

describe('what is told of a change', () => {
  const of = (before: Record<string, string>, after: Record<string, string>) =>
    changesOf(good(before, {}), good(after, {}));
  const env = `TOOLTURN_SECRET=${secret}\n`;

  it('servers are told by name, one whose secret changed too', () => {
    const entry = (name: string, token: string) =>
      `  ${name}: {url: http://h/mcp, auth_type: bearer_token, auth_value: ${token}}\n`;
    const before = `mcp_servers:\n${entry('a', 'os.environ/T')}${entry('b', 'x')}${entry('c', 'x')}`;
    const after = `mcp_servers:\n${entry('c', 'x')}${entry('a', 'os.environ/T')}${entry('d', 'x')}`;
    expect(
      of({ 'config.yaml': before, 'a.env': `${env}T=1` }, { 'config.yaml': after, 'a.env': `${env}T=2` })
        .servers,
    ).toEqual({ added: ['d'], removed: ['b'], changed: ['a'] });
  });

  it('settings are told by the names that stand in the files, those for a restart apart', () => {
    const changes = of(
      { 'config.yaml': server, 'a.env': `${env}REDIS_URL=redis://a` },
      {
        'config.yaml': `${server}toolturn: {limits: {rounds: 3}, memory: off, surface: native}\n`,
        'a.env': `TOOLTURN_SECRET=new-${secret},${secret}\nREDIS_URL=redis://b\nTOOLTURN_PORT=1`,
      },
    );
    expect(changes.settings).toEqual([
      'toolturn.limits',
      'toolturn.memory',
      'toolturn.surface',
      'TOOLTURN_SECRET',
    ]);
    expect(changes.restart).toEqual(['TOOLTURN_PORT', 'REDIS_URL']);
    expect(changes.servers).toEqual({ added: [], removed: [], changed: [] });
  });
});
