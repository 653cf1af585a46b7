import type { Caller } from './caller';
import { ToolturnError } from './errors';

/**
 * What a client sees of tool work: nothing, short notes as reasoning text, or the items its dialect has for tools that
 * run on the other side. A dialect without such items shows notes.
 */
export const surfaces = ['hidden', 'progress', 'native'] as const;
export type Surface = (typeof surfaces)[number];

/** The header by which a client chooses for one request. */
export const surfaceHeader = 'x-toolturn-surface';

/** Who sees what, by config. */
export interface SurfacePolicy {
  readonly default: Surface;
  /** `key` is a key's alias or its hash. */
  readonly keys: readonly { readonly key: string; readonly surface: Surface }[];
}

const isSurface = (word: string): word is Surface => surfaces.some((each) => each === word);

/**
 * What the client of this request sees: its header beats a rule for its key, which beats the default. Throws
 * `ToolturnError` `bad_request` for a header that says anything else.
 */
export function surfaceFor(
  policy: SurfacePolicy,
  request: { readonly headers: Readonly<Record<string, string>>; readonly caller: Caller },
): Surface {
  const asked = request.headers[surfaceHeader];
  if (asked !== undefined) {
    const word = asked.trim().toLowerCase();
    if (isSurface(word)) return word;
    throw new ToolturnError(
      'bad_request',
      `The header ${surfaceHeader} must be one of ${surfaces.join(', ')}; it is ${JSON.stringify(asked.slice(0, 40))}.`,
    );
  }
  const { key, alias } = request.caller;
  // The hash cannot be chosen by whoever names keys, so it is asked first.
  const rule = policy.keys.find((each) => each.key === key) ?? policy.keys.find((each) => each.key === alias);
  return rule?.surface ?? policy.default;
}
