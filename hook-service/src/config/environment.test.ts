import { EnvironmentInvalid, readEnvironment } from './index';

const secret = 'a-secret-of-some-length';

test('the secret is enough; the rest has defaults', () => {
  expect(readEnvironment({ TOOLTURN_SECRET: secret, REDIS_URL: '' })).toEqual({
    secrets: [secret],
    host: '127.0.0.1',
    port: 48_900,
    litellmUrl: 'http://127.0.0.1:4000',
    reload: true,
  });
});

test('everything is read', () => {
  expect(
    readEnvironment({
      TOOLTURN_SECRET: `${secret}, another-${secret}`,
      TOOLTURN_SECRET_PREVIOUS: `old-${secret}`,
      TOOLTURN_HOST: '0.0.0.0',
      TOOLTURN_PORT: '0',
      LITELLM_URL: 'http://litellm:4000/',
      REDIS_URL: 'rediss://user:pass@redis:6379/1',
      TOOLTURN_LOG_LEVEL: 'debug',
      TOOLTURN_RELOAD: 'off',
    }),
  ).toEqual({
    secrets: [secret, `another-${secret}`, `old-${secret}`],
    host: '0.0.0.0',
    port: 0,
    litellmUrl: 'http://litellm:4000',
    redisUrl: 'rediss://user:pass@redis:6379/1',
    logLevel: 'debug',
    reload: false,
  });
});

test('all that is wrong is said together, without a value', () => {
  const env = {
    TOOLTURN_SECRET: 'canary,x',
    TOOLTURN_PORT: 'canary',
    LITELLM_URL: 'canary',
    REDIS_URL: 'http://canary',
    TOOLTURN_LOG_LEVEL: 'canary',
    TOOLTURN_RELOAD: 'canary',
  };
  const read = (): unknown => readEnvironment(env);
  expect(read).toThrow(EnvironmentInvalid);
  expect(read).toThrow(
    [
      'TOOLTURN_SECRET must have at least 16 characters (each, where several are separated by commas)',
      'TOOLTURN_PORT must be a port, a whole number from 0 to 65535',
      'LITELLM_URL must be an address such as http://127.0.0.1:4000',
      'REDIS_URL must be an address such as redis://127.0.0.1:6379',
      'TOOLTURN_RELOAD must be on or off',
      'TOOLTURN_LOG_LEVEL must be one of error, warn, info, debug',
    ].join('\n'),
  );
});

test.each([{}, { TOOLTURN_SECRET: '' }, { TOOLTURN_SECRET: '  ' }])(
  'without a secret it does not start: %p',
  (env) => {
    expect(() => readEnvironment(env)).toThrow('TOOLTURN_SECRET is not set');
  },
);

describe('keys for data at rest', () => {
  const [hex, base64] = ['0f'.repeat(32), Buffer.alloc(32, 7).toString('base64')];

  test('are read in hex and base64; the one before, or plain data, while they change', () => {
    const read = (env: object) => readEnvironment({ TOOLTURN_SECRET: secret, ...env }).dataKeys;
    expect(read({ TOOLTURN_DATA_KEY: hex })).toEqual({ keys: [Buffer.from(hex, 'hex')], readsPlain: false });
    expect(read({ TOOLTURN_DATA_KEY: base64, TOOLTURN_DATA_KEY_PREVIOUS: hex })).toEqual({
      keys: [Buffer.alloc(32, 7), Buffer.from(hex, 'hex')],
      readsPlain: false,
    });
    expect(read({ TOOLTURN_DATA_KEY: hex, TOOLTURN_DATA_KEY_PREVIOUS: 'plain' })?.readsPlain).toBe(true);
  });

  test.each([
    [{ TOOLTURN_DATA_KEY: 'short' }, 'TOOLTURN_DATA_KEY must be 32 bytes in hex or base64'],
    [{ TOOLTURN_DATA_KEY_PREVIOUS: hex }, 'TOOLTURN_DATA_KEY_PREVIOUS needs TOOLTURN_DATA_KEY beside it'],
  ])('are refused in %j', (env, message) => {
    expect(() => readEnvironment({ TOOLTURN_SECRET: secret, ...env })).toThrow(message);
  });
});

test('a password of Redis in a variable of its own is encoded into the address, unless that has one', () => {
  const read = (REDIS_URL: string, REDIS_PASSWORD: string) =>
    readEnvironment({ TOOLTURN_SECRET: secret, REDIS_URL, REDIS_PASSWORD });
  const password = 'p@ss/w:%41?#';
  const { redisUrl = '', redisPassword } = read('redis://litellm-redis:6379', password);
  expect(new URL(redisUrl).host).toBe('litellm-redis:6379');
  expect(decodeURIComponent(new URL(redisUrl).password)).toBe(password);
  expect(redisPassword).toBe(password);
  expect(read('redis://:first@redis:6379', password).redisUrl).toBe('redis://:first@redis:6379');
  expect(readEnvironment({ TOOLTURN_SECRET: secret, REDIS_PASSWORD: password }).redisUrl).toBeUndefined();
});
