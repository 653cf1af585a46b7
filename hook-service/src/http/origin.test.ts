import type { Request } from 'express';
import { checkOrigin } from './origin';

const check = checkOrigin({ hosts: ['tools.example.org'], origins: ['https://inspector.lan:6274'] });

function passes(headers: Record<string, string>): boolean {
  let passed = false;
  try {
    check({ headers } as unknown as Request, undefined as never, () => (passed = true));
  } catch (error) {
    expect(error).toMatchObject({ status: 403 });
  }
  return passed;
}

describe('what a browser could be made to send', () => {
  it.each([
    ['127.0.0.1:48900', undefined],
    ['[::1]:48900', undefined],
    ['192.168.1.7', undefined],
    ['hook-service:48900', undefined],
    ['x.localhost', 'http://localhost:6274'],
    ['TOOLS.example.org', 'https://inspector.lan:6274'],
  ])('passes with host %s and origin %s', (host, origin) => {
    expect(passes({ host, ...(origin === undefined ? {} : { origin }) })).toBe(true);
  });

  it.each([
    ['evil.example:48900', undefined],
    ['127.0.0.1.evil.example', undefined],
    ['', undefined],
    ['localhost', 'https://evil.example'],
    ['localhost', 'http://localhost.evil.example'],
    ['localhost', 'null'],
  ])('is refused with host %s and origin %s', (host, origin) => {
    expect(passes({ host, ...(origin === undefined ? {} : { origin }) })).toBe(false);
  });
});
