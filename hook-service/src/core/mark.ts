import { signToken, verifyToken, type SignedText } from './signed-token';

/** The header by which the door knows a continuation of ours and stands aside. */
export const markHeader = 'x-toolturn-continuation';

/** The door checks the same (litellm/toolturn_guardrail.py). */
const textFor =
  (key: string): SignedText =>
  (head) =>
    `${head}.${key}`;

/**
 * A token that says: this request continues a turn that is already in hand. Bound to the turn and to the
 * caller's key, signed with the secret that door and hook-service share, and good until `expires` (Unix seconds).
 */
export function signMark(secret: string, turn: string, key: string, expires: number): string {
  return signToken(secret, turn, expires, textFor(key));
}

/** The turn of a token that is ours, fits this key and has not expired; undefined for any other. */
export function verifyMark(
  secrets: readonly string[],
  token: string,
  key: string,
  now = Date.now(),
): string | undefined {
  return verifyToken(secrets, token, textFor(key), now);
}
