import { startKeyApi, type KeyApiStandIn } from '../../tests/support/key-api';
import { newKey } from './key-commands';
import { exportKeys, restoreKeys } from './key-file';
import { rotateKey } from './key-rotate';

const servers = [
  { server_id: 'id-of-fs', server_name: 'filesystem', alias: 'fs' },
  { server_id: 'id-of-db', server_name: 'db_main', alias: null },
];
const hour = 3600;
let litellm: KeyApiStandIn;
let first: string;

beforeEach(async () => {
  litellm = await startKeyApi(servers);
  first = await newKey(litellm, {
    alias: 'ada',
    models: ['gpt'],
    servers: ['fs', 'db_main'],
    groups: ['data'],
    team: 'ops',
  });
});

afterEach(() => litellm.stop());

const row = (alias: string) => litellm.rows.find((each) => each['key_alias'] === alias);

describe('a rotated key', () => {
  it('has the grants, the limits and the spending of the old one, which ends after the overlap by itself', async () => {
    Object.assign(row('ada') ?? {}, {
      max_budget: 10,
      spend: 3.5,
      rpm_limit: 7,
      metadata: { purpose: 'nightly' },
    });
    const { key, oldUntil } = await rotateKey(litellm, 'ada', 24 * hour, litellm.now);
    expect(key).not.toBe(first);
    expect(row('ada')).toMatchObject({
      models: ['gpt'],
      team_id: 'ops',
      max_budget: 10,
      spend: 3.5,
      rpm_limit: 7,
      metadata: { purpose: 'nightly' },
      object_permission: { mcp_servers: ['id-of-fs', 'id-of-db'], mcp_access_groups: ['data'] },
      expires: null,
    });
    expect(row('ada-old')).toMatchObject({ expires: oldUntil });
    expect([litellm.accepts(first), litellm.accepts(key)]).toEqual([true, true]);
    litellm.now += 24 * hour * 1000 + 1;
    expect([litellm.accepts(first), litellm.accepts(key)]).toEqual([false, true]);
  });

  it('is good no longer than the old one would have been', async () => {
    Object.assign(row('ada') ?? {}, { expires: new Date(litellm.now + hour * 1000).toISOString() });
    const { key } = await rotateKey(litellm, 'ada', 24 * hour, litellm.now);
    litellm.now += hour * 1000 + 1;
    expect([litellm.accepts(first), litellm.accepts(key)]).toEqual([false, false]);
  });

  it('takes the place of the old one at once where no overlap is wanted', async () => {
    const { key } = await rotateKey(litellm, 'ada', 0, litellm.now);
    expect([litellm.accepts(first), litellm.accepts(key)]).toEqual([false, true]);
  });

  it('is not made while the last rotation still overlaps, and cleans up after one that is over', async () => {
    await rotateKey(litellm, 'ada', hour, litellm.now);
    await expect(rotateKey(litellm, 'ada', hour, litellm.now)).rejects.toThrow(
      /ada-old is good until .*wait, or revoke it/,
    );
    litellm.now += hour * 1000 + 1;
    const { key } = await rotateKey(litellm, 'ada', hour, litellm.now);
    expect(litellm.rows.map((each) => each['key_alias']).sort()).toEqual(['ada', 'ada-old']);
    expect(litellm.accepts(key)).toBe(true);
  });

  it('that cannot be made leaves the old one as it was', async () => {
    litellm.failNext('/key/generate');
    await expect(rotateKey(litellm, 'ada', hour, litellm.now)).rejects.toThrow('LiteLLM answered 500');
    expect(litellm.rows).toHaveLength(1);
    expect(row('ada')).toMatchObject({ expires: null });
    expect(litellm.accepts(first)).toBe(true);
  });

  it('must exist', async () => {
    await expect(rotateKey(litellm, 'bob', hour)).rejects.toThrow('There is no key bob');
  });
});

describe('keys.yaml', () => {
  const texts = () => new Map([['TOOLTURN_KEY_ADA', first]]);
  const restore = (text: string, values = texts()) =>
    restoreKeys(litellm, text, 'keys.yaml', (name) => values.get(name));

  it('makes the same keys again in an empty database, and nothing the second time', async () => {
    const before = structuredClone(row('ada'));
    const { text, count, unnamed } = await exportKeys(litellm);
    expect([count, unnamed]).toEqual([1, 0]);
    expect(text).not.toContain(first);
    expect(text).toContain('key: os.environ/TOOLTURN_KEY_ADA');
    expect(text).toMatch(/mcp_servers:\n\s+- fs\n\s+- db_main/);
    litellm.rows.length = 0;
    expect(litellm.accepts(first)).toBe(false);
    expect(await restore(text)).toEqual([{ alias: 'ada', result: 'made' }]);
    expect(litellm.accepts(first)).toBe(true);
    expect(row('ada')).toEqual(before);
    expect(await restore(text)).toEqual([{ alias: 'ada', result: 'there' }]);
    expect(litellm.rows).toHaveLength(1);
  });

  it('makes nothing where a text is missing or is that of another key, and tells no text', async () => {
    const { text } = await exportKeys(litellm);
    litellm.rows.length = 0;
    await expect(restore(text, new Map())).rejects.toThrow('ada: TOOLTURN_KEY_ADA is not set');
    const other = new Map([['TOOLTURN_KEY_ADA', 'sk-of-somebody']]);
    const failure = await restore(text, other).catch((error: Error) => error.message);
    expect(failure).toContain('holds another key than the one that was exported');
    expect(failure).not.toContain('sk-of-somebody');
    expect(litellm.rows).toEqual([]);
  });

  it('does not take an alias that another key has, and leaves expired ones away', async () => {
    const { text } = await exportKeys(litellm);
    litellm.rows.length = 0;
    await newKey(litellm, { alias: 'ada', models: [], servers: [], groups: [] });
    await expect(restore(text)).rejects.toThrow('Other keys have these aliases: ada');
    litellm.rows.length = 0;
    const expired = text.replace('    key:', '    expires: 2020-01-01T00:00:00Z\n    key:');
    expect(await restore(expired)).toEqual([{ alias: 'ada', result: 'expired' }]);
  });

  it.each([
    ['keys: 1', 'must have a list under keys'],
    ['keys: [{alias: a, key: sk-1}]', 'must be os.environ/NAME'],
    ['keys: [{key: os.environ/A}]', 'has no alias'],
    ['keys: [{alias: a, key: os.environ/A}, {alias: a, key: os.environ/B}]', 'stands there twice'],
    ['keys: [', 'is not valid YAML'],
  ])('says what is wrong with %s', async (text, message) => {
    await expect(restore(text)).rejects.toThrow(message);
  });

  it('names a server that LiteLLM does not have, before anything is made', async () => {
    const { text } = await exportKeys(litellm);
    litellm.rows.length = 0;
    await expect(restore(text.replace('- fs', '- nope'))).rejects.toThrow('LiteLLM has no MCP server nope');
    expect(litellm.rows).toEqual([]);
  });
});
