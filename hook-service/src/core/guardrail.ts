/**
 * LiteLLM's Generic Guardrail API (newer than 1.77.3): what LiteLLM shows a guardrail of a request or of an answer, and
 * what it may say to that. The same rules hold there as at the door (`client-tools.ts`).
 */
import type { Caller } from './caller';
import { clientToolName, type ClientToolGuard } from './client-tools';
import type { JsonObject } from './json';
import { verifyMark } from './mark';
import type { OfferBook } from './offer';

/** A request before the model is asked, or an answer before the client gets it. */
export interface GuardedPart {
  readonly kind: 'request' | 'response';
  readonly caller: Caller;
  /** The mark of a continuation of ours, where LiteLLM was told to pass it on. */
  readonly continuation?: string;
  readonly texts: readonly string[];
  /** In the form of chat completions, whatever the client's dialect. */
  readonly tools: readonly JsonObject[];
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

export type Verdict =
  | { readonly action: 'pass' }
  | { readonly action: 'block'; readonly reason: string }
  /** Only what is there takes the place of what was sent. */
  | { readonly action: 'change'; readonly texts?: readonly string[]; readonly tools?: readonly JsonObject[] };

export interface GuardrailDeps {
  /** Absent: everything passes. */
  readonly guard?: ClientToolGuard;
  readonly book: OfferBook;
  readonly secrets: readonly string[];
}

const pass: Verdict = { action: 'pass' };

/** Says what LiteLLM is to do with a request or an answer. */
export async function judge({ guard, book, secrets }: GuardrailDeps, part: GuardedPart): Promise<Verdict> {
  const { caller, continuation } = part;
  if (guard === undefined) return pass;
  // A later round of a turn: its request was judged with the first one, and its calls are hook-service's to sort.
  if (continuation !== undefined && verifyMark(secrets, continuation, caller.key ?? '') !== undefined)
    return pass;
  // What Toolturn may offer this caller is judged by `toolturn.access`.
  const isOurs = (name: string): boolean => book.resolve(caller, name) !== undefined;
  if (part.kind === 'response') {
    for (const call of part.calls) {
      if (isOurs(call.name)) continue;
      const refusal = await guard.refusal(caller, call);
      if (refusal !== undefined) return { action: 'block', reason: refusal.message };
    }
    return pass;
  }
  return judgeRequest(guard, part, isOurs);
}

function judgeRequest(
  guard: ClientToolGuard,
  { caller, texts, tools }: GuardedPart,
  isOurs: (name: string) => boolean,
): Verdict {
  const named = tools.map((tool) => ({ tool, name: clientToolName(tool) }));
  const mayStay = (name: string | undefined): boolean =>
    name === undefined || name === 'mcp' || isOurs(name) || guard.allows(caller, name);
  const gone = named.filter(({ name }) => !mayStay(name));
  for (const { name = '' } of gone) guard.denied(caller, name, 'tool');
  const left = named.filter(({ name }) => mayStay(name)).map(({ tool }) => guard.clean(tool));
  if (gone.length > 0) {
    const names = gone.map(({ name = '' }) => JSON.stringify(name.slice(0, 128))).join(', ');
    // LiteLLM takes an empty list for none at all and keeps its own.
    if (left.length === 0)
      return {
        action: 'block',
        reason: `This key may use none of these tools: ${names} (toolturn.client_tools).`,
      };
    // Ours are found by their place behind the client's, which must not change any more.
    if (named.some(({ name }) => name !== undefined && isOurs(name)))
      return {
        action: 'block',
        reason: `This key may not use ${names} (toolturn.client_tools), and tools of Toolturn stand behind them already: the guardrail has to be listed before toolturn.`,
      };
  }
  const clean = texts.map((text) => guard.clean(text));
  const areTextsNew = clean.some((text, at) => text !== texts[at]);
  const areToolsNew = gone.length > 0 || left.some((tool, at) => tool !== tools[at]);
  if (!areTextsNew && !areToolsNew) return pass;
  return {
    action: 'change',
    ...(areTextsNew ? { texts: clean } : {}),
    ...(areToolsNew ? { tools: left } : {}),
  };
}
