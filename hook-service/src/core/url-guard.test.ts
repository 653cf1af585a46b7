import { addressBook } from '../mcp/address-book';
import { addressClass } from '../mcp/address-class';
import type { JsonObject } from './json';
import type { AddressBook } from './ports';
import { urlRefusal } from './url-guard';

/** Names as this test says they are; addresses as they are. */
const names: Readonly<Record<string, string>> = {
  'example.com': '93.184.216.34',
  'rebound.example': '127.0.0.1',
  'nas.lan': '192.168.1.5',
};
const book: AddressBook = {
  classesOf: async (host) => {
    const known = names[host];
    if (known !== undefined) return [addressClass(known)];
    return /^[\d.]+$|:/.test(host) ? addressBook.classesOf(host) : [];
  },
};
const refusal = (args: JsonObject, reach: 'public' | 'lan' = 'public') => urlRefusal(args, reach, book);

describe('arguments of a tool whose addresses are guarded', () => {
  it.each([
    ['a public address', { url: 'https://example.com/a?b=c' }],
    ['text without an address', { query: 'SELECT 1 // comment', note: 'note: call me; a//b' }],
    ['a path', { path: '/etc/hosts' }],
    ['numbers and nothing', { limit: 10, empty: '', none: null, list: [1] }],
  ])('pass with %s', async (_what, args) => {
    expect(await refusal(args)).toBeUndefined();
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::1]:8080/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://127.1',
    'http://10.0.0.7:5432',
    'http://rebound.example/',
    'HTTP://NAS.lan/admin',
    ' \thttp://127.0.0.1/',
    'ht\ntp://127.0.0.1/',
    '//127.0.0.1/x',
    'http:\\\\127.0.0.1\\x',
    'see http://example.com and http://127.0.0.1/x please',
    'http://127.0.0.1%2f@example.com'.replace('%2f', '/'),
  ])('are refused with the internal address %j', async (url) => {
    expect(await refusal({ target: { list: [url] } })).toMatch(/^the address in the argument "list" /);
  });

  it.each([
    ['file:///etc/passwd', 'is not one of http or https'],
    ['file:/etc/passwd', 'is not one of http or https'],
    ['gopher://example.com/', 'is not one of http or https'],
    ['https://user:pass@example.com/', 'holds a user name or password'],
    ['http://nobody.invalid/', 'has a name that is not known'],
    ['http://[bad/', 'cannot be read'],
  ])('are refused with %s, which %s', async (url, why) => {
    expect(await refusal({ url })).toBe(`the address in the argument "url" ${why}`);
  });

  it('are read as an address without a scheme where the argument is named so', async () => {
    expect(await refusal({ host: 'localhost:8080' }, 'lan')).toContain('not known');
    expect(await refusal({ target_url: '127.0.0.1:9000/x' })).toContain('internal network');
    expect(await refusal({ baseUrl: 'example.com/x' })).toBeUndefined();
  });

  it('may name the local network where that is allowed, and never this machine', async () => {
    expect(await refusal({ url: 'http://nas.lan/' }, 'lan')).toBeUndefined();
    expect(await refusal({ url: 'http://127.0.0.1/' }, 'lan')).toContain('leads to this machine');
    expect(await refusal({ url: 'http://169.254.169.254/' }, 'lan')).toContain('leads to this machine');
  });

  it('are refused with more addresses than are looked up for one call', async () => {
    const urls = Array.from({ length: 51 }, (_, n) => `https://example.com/${n}`);
    expect(await refusal({ urls })).toBe('its arguments hold more than 50 addresses');
  });
});
