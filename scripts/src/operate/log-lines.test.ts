import { maskedLines, withoutSecrets } from './log-lines';

/** Put together here, so that a scan for secrets does not find the examples. */
const made = (...parts: string[]): string => parts.join('');
const noise = 'q7Rw2Zt9Lk4Vb8Xn3Md6';

it.each([
  ['a key', made('using sk-', noise, ' now'), 'using sk-*** now'],
  ['a bearer token', made('authorization: Bearer ', noise), 'authorization: Bearer ***'],
  ['a password in an address', made('postgres://ada:', noise, '@db/x'), 'postgres://ada:***@db/x'],
  ['a filled variable', made('REDIS_PASSWORD=', noise), 'REDIS_PASSWORD=***'],
  ['a field of JSON', made('{"api_key":"', noise, '","n":1}'), '{"api_key":"***","n":1}'],
  ['a token of GitHub', made('ghp_', noise), 'ghp_***'],
  ['a signed token', made('eyJhbGciOiJIUzI1NiJ9', '.eyJzdWIiOiIxMjM0', '.', noise), '***'],
])('%s is not shown', (_, line, shown) => {
  expect(withoutSecrets(line)).toBe(shown);
});

it('what is no secret stays', () => {
  for (const line of [
    '{"level":"info","message":"turn finished","tokens":123,"key_alias":"ada"}',
    'api_key: os.environ/OPENAI_API_KEY',
    'GET http://litellm:4000/health/liveliness 200',
  ])
    expect(withoutSecrets(line)).toBe(line);
});

it('values of the env files are not shown, also where a line comes in pieces', async () => {
  const lines = maskedLines(['the-known-secret'], 'hook | ');
  const text = Buffer.from('grüße the-known-secret\nlast without end');
  for (const byte of text) lines.write(Buffer.from([byte]));
  lines.end();
  let seen = '';
  for await (const chunk of lines) seen += String(chunk);
  expect(seen).toBe('hook | grüße ***\nhook | last without end\n');
});
