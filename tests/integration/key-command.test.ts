/** `./scripts/key` as people type it, against a stand-in for LiteLLM's key API: there is no database here. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKeyApi, type KeyApiStandIn } from '../support/key-api';
import { script } from '../support/operate';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-key-'));
const [keys, declared] = [join(dir, 'keys.env'), join(dir, 'keys.yaml')];
let api: KeyApiStandIn;

beforeAll(async () => {
  api = await startKeyApi([{ server_id: 'id-of-fs', server_name: 'filesystem', alias: 'fs' }]);
});

afterAll(async () => {
  await api.stop();
  rmSync(dir, { recursive: true, force: true });
});

const key = (...args: string[]) =>
  script('key', args, { env: { LITELLM_MASTER_KEY: api.masterKey, LITELLM_URL: api.url } });

it('makes, rotates, declares and restores a key; only the key goes to stdout', async () => {
  const made = await key('new', 'ada', '--models', 'gpt', '--servers', 'fs', '--env-file', keys);
  expect(made.code).toBe(0);
  const first = made.output.trim();
  expect(api.accepts(first)).toBe(true);
  expect(readFileSync(keys, 'utf8')).toBe(`TOOLTURN_KEY_ADA=${first}\n`);
  expect(statSync(keys).mode & 0o777).toBe(0o600);

  const rotated = await key('rotate', 'ada', '--overlap', '24h', '--env-file', keys);
  expect(rotated).toMatchObject({
    code: 0,
    errors: expect.stringContaining('The old one is ada-old until '),
  });
  const second = rotated.output.trim();
  expect([api.accepts(first), api.accepts(second)]).toEqual([true, true]);
  expect((await key('list')).output).toBe('ada-old\nada\n');
  expect((await key('revoke', 'ada-old')).code).toBe(0);
  expect(api.accepts(first)).toBe(false);

  expect(await key('export', declared)).toMatchObject({
    code: 0,
    errors: expect.stringContaining('1 key in'),
  });
  expect(readFileSync(declared, 'utf8')).not.toContain(second);
  expect(statSync(declared).mode & 0o777).toBe(0o600);
  api.rows.length = 0;
  expect(api.accepts(second)).toBe(false);
  expect((await key('restore', declared, '--env-file', keys)).output).toBe('ada: made\n');
  expect(api.accepts(second)).toBe(true);
});

it.each([
  [['new'], 'Say new ALIAS, list, rotate ALIAS'],
  [['rotate', 'nobody'], 'There is no key nobody'],
  [['rotate', 'ada', '--overlap', 'x'], '--overlap must be a time'],
  [['restore', '/nowhere/keys.yaml'], 'There is no file /nowhere/keys.yaml.'],
  [['list', 'a', 'b'], 'There is no "b" to say to list'],
])('says what is wrong with %j', async (args, message) => {
  expect(await key(...args)).toMatchObject({ code: 1, output: '', errors: expect.stringContaining(message) });
});
