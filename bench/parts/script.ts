/** What the scripted provider does with a question, which says so itself: `bench <kind> <its own word>`. */

/** A call that it makes, and how long after the one before. */
export interface ScriptedCall {
  readonly wait: number;
}

export interface Script {
  /** The calls of each round but the last, which is the answer. */
  readonly rounds: readonly (readonly ScriptedCall[])[];
  /** Pieces of the answer's text when it is streamed. */
  readonly pieces: number;
  /** Milliseconds between the calls of a stream. */
  readonly apartMs: number;
}

const one = [{ wait: 0 }];
/** How long the tools of `four` take, and how far its calls are apart. */
export const four = { toolMs: 500, apartMs: 200 };

/** By kind. */
const scripts: Readonly<Record<string, Script>> = {
  plain: { rounds: [], pieces: 10, apartMs: 0 },
  chunks: { rounds: [], pieces: 300, apartMs: 0 },
  tool: { rounds: [one], pieces: 10, apartMs: 0 },
  three: { rounds: [one, one], pieces: 10, apartMs: 0 },
  four: {
    rounds: [Array.from({ length: 4 }, () => ({ wait: four.toolMs }))],
    pieces: 10,
    apartMs: four.apartMs,
  },
};

/** A question that nobody has asked before: equal ones at the same time would be one turn. */
export const question = (kind: string, word: string): string => `bench ${kind} ${word}`;

/** The script that a question names, and its word. */
export function readQuestion(text: string): { readonly script: Script; readonly word: string } | undefined {
  const match = /bench (\w+) ([\w-]+)$/.exec(text);
  const script = scripts[match?.[1] ?? ''];
  return script === undefined ? undefined : { script, word: match?.[2] ?? '' };
}

/** What stands in every right answer to a question with this word; behind calls only the tool knows it. */
export const proof = (word: string): string => `found ${word}`;
