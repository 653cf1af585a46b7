/**
 * Protocol, host and port of an address, and its path where that is words: some services put a key into the path, the
 * query or the user of their address. Empty for what is no address.
 */
export function shownAddress(address: string): string {
  if (!URL.canParse(address)) return '';
  const { protocol, host, pathname, search } = new URL(address);
  const path = pathname
    .split('/')
    .map((part) => (/^[a-z][a-z_.-]{0,31}\d{0,2}$/i.test(part) || part === '' ? part : '…'))
    .join('/');
  return `${protocol}//${host}${path}${search === '' ? '' : '?…'}`;
}
