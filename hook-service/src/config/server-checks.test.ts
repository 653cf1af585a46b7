import { ConfigInvalid, loadConfig } from './index';

function load(text: string, env: Record<string, string> = {}) {
  return loadConfig({ path: 'config.yaml', env, readFile: () => Buffer.from(text) });
}

function problemsOf(text: string): string {
  try {
    return load(text)
      .warnings.map(({ path, message }) => `${path}: ${message}`)
      .join('\n');
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.message;
    throw error;
  }
}

const remote = 'mcp_servers:\n  a: {url: "http://h:1/mcp"}\n';
const stdio = 'mcp_servers:\n  a: {transport: stdio, command: npx}\n';

describe('oauth of a server', () => {
  test('is read whole, and its secrets are kept out of logs', () => {
    const { config, secrets } = load(
      `${remote}toolturn:
  servers:
    a:
      oauth:
        client_id: me
        client_secret: os.environ/SECRET
        token_url: https://login/token
        token_endpoint_auth_method: client_secret_post
        issuer: https://login
        scopes: [a, b]
`,
      { SECRET: 'canary' },
    );
    expect(config.servers[0]?.settings?.oauth).toEqual({
      clientId: 'me',
      clientSecret: 'canary',
      tokenUrl: 'https://login/token',
      authMethod: 'client_secret_post',
      issuer: 'https://login',
      scopes: ['a', 'b'],
    });
    expect(secrets).toContain('canary');
  });

  test.each([
    ['{client_id: me}', 'needs either client_secret: or private_key:'],
    ['{client_id: me, client_secret: a, private_key: b}', 'needs either client_secret: or private_key:'],
    ['{client_id: me, private_key: b}', 'needs algorithm: with private_key:'],
    ['{client_id: me, client_secret: a, token_url: /token}', 'must be a complete address'],
    ['{client_id: me, clientsecret: a}', 'did you mean "client_secret"?'],
  ])('%s is refused in plain words', (oauth, message) => {
    expect(problemsOf(`${remote}toolturn: {servers: {a: {oauth: ${oauth}}}}\n`)).toContain(message);
  });

  test('is refused where the signed identity would take its header', () => {
    const identity = 'identity: {header: Authorization, secret: os.environ/S}';
    const oauth = 'oauth: {client_id: me, client_secret: x}';
    const text = `${remote}toolturn: {servers: {a: {${identity}, ${oauth}}}}\n`;
    expect(() => load(text, { S: 's'.repeat(32) })).toThrow('is the header of the access tokens of oauth');
  });

  test('is refused for a command, and warned of where the credentials would travel unencrypted', () => {
    const own = (oauth: string) =>
      `toolturn: {servers: {a: {oauth: {client_id: me, client_secret: x${oauth}}}}}\n`;
    expect(problemsOf(stdio + own(''))).toContain('is for servers with a url');
    expect(problemsOf(remote + own(', token_url: "http://login/token"'))).toContain('travel unencrypted');
    expect(problemsOf(remote + own(', token_url: "http://127.0.0.1/token"'))).toBe('');
  });
});

describe('the programs of servers', () => {
  test('are those that the file names, where nothing else is said', () => {
    expect(problemsOf(stdio)).toBe('');
  });

  test('are only those that stdio.commands lists', () => {
    expect(problemsOf(`${stdio}toolturn: {stdio: {commands: [npx, uvx]}}\n`)).toBe('');
    expect(problemsOf(`${stdio}toolturn: {stdio: {commands: [uvx]}}\n`)).toContain(
      'mcp_servers.a.command: is not among toolturn.stdio.commands',
    );
    expect(problemsOf(`${stdio}toolturn: {stdio: {commands: []}}\n`)).toContain('is not among');
    expect(problemsOf(`${stdio}toolturn: {stdio: {commands: [./npx]}}\n`)).toContain('is not among');
  });
});
