/** A new text for a key, with the same grants; the old one is good for a while longer. */
import { StartError } from './errors';
import { isRecord } from './json';
import { allKeys, ask, type KeyApi, type ListedKey } from './key-api';
import { durationLeft, grantsOf } from './key-grants';

/** What the old key is called during the overlap. */
export const oldAlias = (alias: string): string => `${alias}-old`;

export interface Rotated {
  /** The new key's text, which LiteLLM tells this once. */
  readonly key: string;
  /** When the old one ends, by itself. */
  readonly oldUntil: string;
}

/**
 * Gives `alias` to a new key and renames the old one to `alias-old`, which LiteLLM refuses after `overlapSeconds`. Where
 * the new one cannot be made the old one gets its name back. Throws `StartError`.
 */
export async function rotateKey(
  api: KeyApi,
  alias: string,
  overlapSeconds: number,
  now = Date.now(),
): Promise<Rotated> {
  const keys = await allKeys(api);
  const old = keyNamed(keys, alias);
  if (old === undefined) throw new StartError(`There is no key ${alias}: ./scripts/key list shows them.`);
  const before = keyNamed(keys, oldAlias(alias));
  if (before !== undefined) {
    if (durationLeft(before, now) !== '0s')
      throw new StartError(
        `${oldAlias(alias)} is good until ${typeof before['expires'] === 'string' ? before['expires'] : 'it is revoked'}: wait, or revoke it (./scripts/key revoke ${oldAlias(alias)}).`,
      );
    await ask(api, '/key/delete', { keys: [tokenOf(before)] });
  }
  const left = durationLeft(old, now);
  // Not longer than it would have been.
  const overlap = Math.min(overlapSeconds, left === undefined ? Infinity : parseInt(left, 10));
  await ask(api, '/key/update', { key: tokenOf(old), key_alias: oldAlias(alias) });
  let made: unknown;
  try {
    made = await ask(api, '/key/generate', {
      ...grantsOf(old),
      key_alias: alias,
      // What was spent counts on: a new text is no new budget.
      ...(typeof old['spend'] === 'number' && old['spend'] > 0 ? { spend: old['spend'] } : {}),
      ...(left === undefined ? {} : { duration: left }),
    });
    if (!isRecord(made) || typeof made['key'] !== 'string')
      throw new StartError('LiteLLM answered without a key.');
  } catch (error) {
    await ask(api, '/key/update', { key: tokenOf(old), key_alias: alias });
    throw error;
  }
  if (overlap <= 0) await ask(api, '/key/delete', { keys: [tokenOf(old)] });
  else await ask(api, '/key/update', { key: tokenOf(old), duration: `${overlap}s` });
  return { key: made['key'], oldUntil: new Date(now + Math.max(0, overlap) * 1000).toISOString() };
}

function keyNamed(keys: readonly ListedKey[], alias: string): ListedKey | undefined {
  return keys.find((key) => key['key_alias'] === alias);
}

function tokenOf(key: ListedKey): string {
  if (typeof key['token'] === 'string') return key['token'];
  throw new StartError('LiteLLM listed a key without its digest.');
}
