import { createHmac, timingSafeEqual } from 'node:crypto';

/** The header by which the door knows a continuation of ours and stands aside. */
export const markHeader = 'x-toolturn-continuation';

const digest = (secret: string, text: string): Buffer => createHmac('sha256', secret).update(text).digest();

/**
 * A token that says: this request continues a turn that is already in hand. Bound to the turn and to the
 * caller's key, signed with the secret that door and hook-service share, and good until `expires` (Unix seconds).
 */
export function signMark(secret: string, turn: string, key: string, expires: number): string {
  return `${turn}.${expires}.${digest(secret, `${turn}.${expires}.${key}`).toString('hex')}`;
}

/** The turn of a token that is ours, fits this key and has not expired; undefined for any other. */
export function verifyMark(
  secrets: readonly string[],
  token: string,
  key: string,
  now = Date.now(),
): string | undefined {
  const [turn, expires, signature, more] = token.split('.');
  if (turn === undefined || expires === undefined || signature === undefined || more !== undefined)
    return undefined;
  if (!(Number(expires) * 1000 > now)) return undefined;
  const given = Buffer.from(signature, 'hex');
  const fits = secrets.some((secret) => {
    const wanted = digest(secret, `${turn}.${expires}.${key}`);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
  return fits ? turn : undefined;
}
