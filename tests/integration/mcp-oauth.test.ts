import type { OAuthSettings } from '../../hook-service/src/core/servers';
import { createToolHost, type McpToolHost } from '../../hook-service/src/mcp/tool-host';
import { startOAuthFixture, type OAuthFixture } from '../support/mcp/oauth-fixture';
import { memoryLog, remoteServer } from '../support/mcp/servers';

const credentials = { clientId: 'me', clientSecret: 'canary-secret' };

describe('a server that wants access tokens', () => {
  let fixture: OAuthFixture;
  let host: McpToolHost;
  const log = memoryLog();

  beforeEach(async () => void (fixture = await startOAuthFixture()));
  afterEach(async () => {
    await host.close();
    await fixture.stop();
  });

  async function start(oauth: OAuthSettings = credentials) {
    host = createToolHost({ servers: [remoteServer('one', fixture.url, { settings: { oauth } })], log });
    host.start();
    await host.ready(10_000);
  }
  const call = () =>
    host.call({
      server: 'one',
      tool: 'greet',
      arguments: {},
      signal: new AbortController().signal,
      timeoutMs: 8_000,
    });
  const health = () => host.health()['one'];
  const reason = () => String(health()?.reason);

  test('gets one that is found out from its challenge, and keeps it', async () => {
    await start();
    expect(health()).toMatchObject({ state: 'ready', tools: 1 });
    await Promise.all(Array.from({ length: 20 }, call));
    expect(fixture.tokenRequests).toHaveLength(1);
    const [request] = fixture.tokenRequests;
    expect(request?.authorization).toBe(`Basic ${Buffer.from('me:canary-secret').toString('base64')}`);
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      scope: 'tools',
      resource: fixture.url,
    });
  });

  test('gets one from the address of the config without asking anybody where', async () => {
    await start({ ...credentials, tokenUrl: `${fixture.authUrl}/token`, scopes: ['a', 'b'] });
    expect(health()).toMatchObject({ state: 'ready' });
    expect(Object.keys(fixture.counts).filter((each) => each.includes('.well-known'))).toEqual([]);
    expect(fixture.tokenRequests[0]?.form.get('scope')).toBe('a b');
  });

  test('that refuses a token gets one new token for fifty concurrent calls, and each call runs', async () => {
    await start();
    fixture.revoke();
    const results = await Promise.all(Array.from({ length: 50 }, call));
    expect(results.map(({ failure }) => failure)).toEqual(Array(50).fill(undefined));
    expect(fixture.tokenRequests).toHaveLength(2);
  });

  test("gets the client's own authorization where it brings one, and no token of ours with it", async () => {
    await start();
    const result = await host.call({
      server: 'one',
      tool: 'greet',
      arguments: {},
      signal: new AbortController().signal,
      timeoutMs: 2_000,
      headers: { authorization: 'Bearer of-the-client' },
    });
    expect(result).toMatchObject({ failure: 'transport' });
    expect(fixture.tokenRequests).toHaveLength(1);
  });

  test('gets a new one before the old one ends', async () => {
    fixture.options.expiresIn = 0;
    await start();
    const before = fixture.tokenRequests.length;
    await call();
    expect(fixture.tokenRequests.length).toBeGreaterThan(before);
  });

  test('gets none where the credentials are refused, which health says without them', async () => {
    fixture.options.tokenStatus = 401;
    await start();
    expect(health()?.state).toBe('failed');
    expect(reason()).toMatch(/No access token for .*: the authorization server answers invalid_client/);
    expect(JSON.stringify([log.entries, host.health()])).not.toContain('canary-secret');
  });

  test('cannot send the credentials to another issuer than the configured one', async () => {
    await start({ ...credentials, issuer: 'https://elsewhere.example' });
    expect(health()?.state).toBe('failed');
    expect(fixture.tokenRequests).toEqual([]);
  });

  test('cannot send the credentials to another issuer later on', async () => {
    await start();
    const other = await startOAuthFixture();
    try {
      fixture.options.authorizationServer = other.authUrl;
      fixture.revoke();
      expect(await call()).toMatchObject({ failure: 'transport' });
      expect(other.tokenRequests).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  test('cannot name an authorization server that calls itself otherwise', async () => {
    fixture.options.issuer = 'http://127.0.0.1:1';
    await start();
    expect(health()?.state).toBe('failed');
    expect(fixture.tokenRequests).toEqual([]);
  });

  test.each([
    ['the metadata of a cloud', 'http://169.254.169.254/latest'],
    ['the same in disguise', 'https://[::ffff:169.254.169.254]/latest'],
    ['plain HTTP on another machine', 'http://10.0.0.1:8080/token'],
    ['no web address', 'file:///etc/passwd'],
    ['an address with a user in it', 'https://me:you@127.0.0.1:9/token'],
  ])('cannot lead to %s', async (_case, address) => {
    fixture.options.tokenEndpoint = address;
    await start();
    expect(health()?.state).toBe('failed');
    fixture.options.authorizationServer = address;
    expect(fixture.tokenRequests).toEqual([]);
  });

  test('cannot redirect the credentials', async () => {
    const other = await startOAuthFixture();
    try {
      fixture.options.tokenRedirect = `${other.authUrl}/token`;
      await start();
      expect(reason()).toContain('redirects, which is not followed');
      expect(other.tokenRequests).toEqual([]);
    } finally {
      await other.stop();
    }
  });
});
