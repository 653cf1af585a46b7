import { addressClass } from './address-class';
import { guardedFetch, RefusedAddress } from './guarded-fetch';

test.each([
  ['127.0.0.1', 'loopback'],
  ['::1', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['10.1.2.3', 'private'],
  ['192.168.1.1', 'private'],
  ['fd12::1', 'private'],
  ['169.254.169.254', 'forbidden'],
  ['::ffff:169.254.169.254', 'forbidden'],
  ['0.0.0.0', 'forbidden'],
  ['fe80::1', 'forbidden'],
  ['64:ff9b::7f00:1', 'forbidden'],
  ['localhost', 'forbidden'],
  ['1.1.1.1', 'public'],
  ['2606:4700::1111', 'public'],
])('%s is %s', (address, expected) => {
  expect(addressClass(address)).toBe(expected);
});

describe('an address that a public server names', () => {
  const fetchFor = (server: string) =>
    guardedFetch({ server: new URL(server), trusted: new Set(), timeoutMs: 1_000 });

  test.each([
    'https://127.1:1/token',
    'https://2130706433/token',
    'https://0x7f.1/token',
    'https://[::ffff:10.0.0.1]/token',
    'https://192.168.0.1/token',
    'https://LOCALHOST:1/token',
    'http://localhost:1/token',
    'http://1.1.1.1/token',
    'ftp://1.1.1.1/token',
  ])('is refused where it leads into our network: %s', async (address) => {
    await expect(fetchFor('https://1.1.1.1/mcp')(address)).rejects.toBeInstanceOf(RefusedAddress);
  });

  test('is refused to a server on the network where it leads to this machine', async () => {
    await expect(fetchFor('http://10.0.0.1/mcp')('https://127.1:1/token')).rejects.toBeInstanceOf(
      RefusedAddress,
    );
  });

  test('is asked where it reaches as far as the server itself', async () => {
    await expect(fetchFor('http://127.0.0.1/mcp')('http://127.0.0.1:1/token')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});
