import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * What is signed for `<subject>.<expires>`: with it goes what the token is for, so that one for another purpose never
 * passes, and whatever else both sides know.
 */
export type SignedText = (head: string) => string;

/** `<subject>.<expires>.<signature>`: HMAC-SHA256 in hex, expires in Unix seconds. The subject must hold no dot. */
export function signToken(secret: string, subject: string, expires: number, text: SignedText): string {
  const head = `${subject}.${expires}`;
  return `${head}.${signature(secret, text(head)).toString('hex')}`;
}

/** The subject of a token that one of the secrets has signed and that has not expired; undefined for any other. */
export function verifyToken(
  secrets: readonly string[],
  token: string,
  text: SignedText,
  now = Date.now(),
): string | undefined {
  const [subject, expires, signed, more] = token.split('.');
  if (subject === undefined || expires === undefined || signed === undefined || more !== undefined)
    return undefined;
  if (!(Number(expires) * 1000 > now)) return undefined;
  const given = Buffer.from(signed, 'hex');
  const fits = secrets.some((secret) => {
    const wanted = signature(secret, text(`${subject}.${expires}`));
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
  return fits ? subject : undefined;
}

const signature = (secret: string, text: string): Buffer =>
  createHmac('sha256', secret).update(text).digest();
