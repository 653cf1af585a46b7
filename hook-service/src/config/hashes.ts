import { createHash } from 'node:crypto';

/** LiteLLM knows a key by the SHA-256 of its text; a key written out is turned into that, and so kept nowhere. */
export function hashRawKey(key: string): string {
  return key.startsWith('sk-') ? sha256(key) : key;
}

/** SHA-256 in lower-case hex. */
export function sha256(value: string): string {
  return createHash('sha256').update(value).digest('hex');
}
