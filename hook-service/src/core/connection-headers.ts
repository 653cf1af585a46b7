/** Headers that belong to one connection and must not go along with another message (RFC 9110, 7.6.1), with `host` and `expect`. */
export const connectionHeaders: readonly string[] = [
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
];
