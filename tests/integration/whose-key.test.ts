import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { createIdentity } from '../../hook-service/src/upstream/identity';
import { secret, startStack, type Stack } from '../support/stack';

/** Whose a key is, asked of a real LiteLLM through its door, with virtual keys and with the master key alone. */
let stack: Stack;
let plain: Stack;
const masterKey = 'sk-master-of-this-test';

beforeAll(async () => {
  stack = await startStack();
  plain = await startStack({ general: { custom_auth: undefined }, env: { LITELLM_MASTER_KEY: masterKey } });
}, 240_000);

afterAll(async () => {
  await Promise.all([stack?.stop(), plain?.stop()]);
});

const ask = (of: Stack, secrets: readonly [string, ...string[]] = [secret]) =>
  createIdentity({ baseUrl: of.url, secrets });
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('whose a key is', () => {
  it.each([
    ['authorization', 'Bearer sk-test-alice'],
    ['x-api-key', 'sk-test-alice'],
    ['x-litellm-api-key', 'sk-test-alice'],
  ])('LiteLLM says for a key in %s', async (name, value) => {
    await expect(ask(stack)({ [name]: value })).resolves.toEqual({
      key: sha256('sk-test-alice'),
      alias: 'alice',
      user: 'user-alice',
    });
  });

  it('LiteLLM says for its master key, without custom_auth', async () => {
    const caller = await ask(plain)({ authorization: `Bearer ${masterKey}` });
    // Newer versions do not give its hash away.
    expect([sha256(masterKey), 'litellm_proxy_master_key']).toContain(caller.key);
  });

  it('is 401 for a key that LiteLLM does not know', async () => {
    for (const [of, key] of [
      [stack, 'sk-other'],
      [plain, 'sk-other'],
      [plain, 'nonsense'],
    ] as const) {
      await expect(ask(of)({ authorization: `Bearer ${key}` })).rejects.toMatchObject({
        status: 401,
        message: expect.not.stringContaining(key),
      });
    }
  });

  it('is not told to anybody without the secret', async () => {
    await expect(
      ask(stack, ['some other secret'])({ authorization: 'Bearer sk-test-alice' }),
    ).rejects.toMatchObject({ status: 502, message: expect.stringContaining('TOOLTURN_SECRET') });
  });

  it('costs nothing, asks no model and names nobody in the log', async () => {
    const before = stack.logged().length;
    await ask(stack)({ authorization: 'Bearer sk-test-alice' });
    expect(stack.model.requests).toHaveLength(0);
    const logged = stack.logged().slice(before);
    for (const each of logged) expect(each).toMatchObject({ status: 'failure', response_cost: 0 });
    const text = readFileSync(join(stack.dir, 'litellm.log'), 'utf8');
    expect(text).not.toContain('user-alice');
  });
});
