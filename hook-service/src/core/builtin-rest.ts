import { createHash } from 'node:crypto';
import { builtinNames, isBuiltin, type OurTool } from './builtin';
import { goOnWithout } from './failure-policy';
import type { Log, Scope, TextStore } from './ports';
import { characterEnd, type Rest } from './result-text';

/** What is kept of one text. */
const largestText = 4 * 1024 * 1024;

/** Where a result comes from that is cut. */
export interface CutResult {
  readonly scope: Scope;
  readonly turn: string;
  /** Tells the call from every other one of the turn. */
  readonly call: string;
  readonly resolve: (name: string) => OurTool | undefined;
}

/**
 * Keeps a text that the model gets only the beginning of. Undefined where the turn has no tool to read on, or the text
 * could not be kept. The handle depends on the call and the text, so that a repeated hook gives the same result again;
 * nobody can make it up who has not read the text, and it works in its own scope only.
 */
export async function keepRest(
  deps: { readonly texts?: TextStore; readonly ttlSeconds: number; readonly log: Log },
  from: CutResult,
  whole: Uint8Array,
): Promise<Rest | undefined> {
  const { texts, ttlSeconds, log } = deps;
  const tool = builtinNames('read_more').find((name) => {
    const offered = from.resolve(name);
    return offered !== undefined && isBuiltin(offered);
  });
  if (texts === undefined || tool === undefined) return undefined;
  const handle = createHash('sha256')
    .update(JSON.stringify([from.scope, from.turn, from.call]))
    .update(whole)
    .digest('hex')
    .slice(0, 24);
  const kept = whole.subarray(0, characterEnd(whole, largestText));
  try {
    if (await texts.keep(from.scope, handle, kept, ttlSeconds)) return { tool, handle, kept: kept.length };
  } catch (error) {
    goOnWithout(log, 'store', 'rest', { turn: from.turn, error });
  }
  return undefined;
}
