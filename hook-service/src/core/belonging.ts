/** The header of a continuation that says which round it asks for. The door believes it with a valid mark only. */
export const belongingHeader = 'x-toolturn-of';

/** To what a model call belongs; the door keeps it as one word and gives it back when LiteLLM logs the call. */
export interface Belonging {
  readonly turn?: string;
  /** From 1 on. */
  readonly round: number;
  readonly conversation?: string;
  /** True where hidden rounds were put back into the request. */
  readonly restored: boolean;
}

/** `<turn>.<round>.<conversation>.<restored>`, with `-` for what is not there. */
export function writeBelonging({ turn, round, conversation, restored }: Belonging): string {
  return [turn ?? '-', round, conversation ?? '-', restored ? 1 : 0].join('.');
}

/** Undefined for a word that is not ours. */
export function readBelonging(word: string): Belonging | undefined {
  const found = /^([\w-]{1,64})\.(\d{1,4})\.([\w-]{1,64})\.([01])$/.exec(word);
  if (found === null) return undefined;
  const [, turn, round, conversation, restored] = found;
  return {
    round: Number(round),
    restored: restored === '1',
    ...(turn === '-' || turn === undefined ? {} : { turn }),
    ...(conversation === '-' || conversation === undefined ? {} : { conversation }),
  };
}
