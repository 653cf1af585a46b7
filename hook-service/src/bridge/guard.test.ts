import type { IncomingMessage } from 'node:http';
import { createGuard, type GuardOptions } from './guard';

function status(headers: Record<string, string>, options: Partial<GuardOptions> = {}): number | undefined {
  return createGuard({ allowedHosts: [], ...options })({ headers } as unknown as IncomingMessage)?.status;
}

describe('a Host', () => {
  test.each([
    '127.0.0.1:48001',
    'localhost',
    '[::1]:48001',
    '192.168.1.5:48001',
    'mcp-files:48001',
    'LOCALHOST:1',
  ])('that no stranger can own is taken: %s', (host) => expect(status({ host })).toBeUndefined());
  test.each([
    'evil.example.com',
    'evil.example.com:48001',
    '127.0.0.1.evil.example',
    '',
    'a b',
    '[::1',
    'user@localhost',
  ])('that a stranger could own, or that is none, is refused: %p', (host) =>
    expect(status({ host })).toBe(403),
  );
  test('that is allowed is taken, in any case', () => {
    expect(status({ host: 'Tools.Example.org:80' }, { allowedHosts: ['tools.example.ORG'] })).toBeUndefined();
    expect(status({ host: 'anything.example.org' }, { allowedHosts: ['*'] })).toBeUndefined();
  });
});

describe('an Origin', () => {
  const host = 'mcp-files:48001';
  test.each(['http://mcp-files:48001', 'http://localhost:6274', 'http://127.0.0.1:3000'])(
    'of the host itself or of this machine is taken: %s',
    (origin) => expect(status({ host, origin })).toBeUndefined(),
  );
  test.each([
    'null',
    'http://evil.example.com',
    'http://other-name',
    'http://localhost.evil.example.com',
    'x',
  ])('from elsewhere is refused: %s', (origin) => expect(status({ host, origin })).toBe(403));
});

test('a token has to be right, and to be a bearer token', () => {
  const options = { token: 'friend-4711' };
  const host = 'localhost';
  expect(status({ host }, options)).toBe(401);
  expect(status({ host, authorization: 'friend-4711' }, options)).toBe(401);
  expect(status({ host, authorization: 'Bearer friend-471' }, options)).toBe(401);
  expect(status({ host, authorization: 'Bearer friend-4711' }, options)).toBeUndefined();
});
