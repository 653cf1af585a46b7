/** Where a client is to find LiteLLM. */
export interface Place {
  /** LiteLLM's address without a path. */
  readonly url: string;
  readonly key: string;
  /** A name of LiteLLM's `model_list`. */
  readonly model: string;
}

/** What a client needs; every part is optional. */
export interface Setup {
  /** Variables of the shell or the container it runs in. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whole files by their path; one that begins with `.` stands below the home folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** One question on the command line, and one more in the same conversation; `$PROMPT` stands for it. */
  readonly ask?: readonly string[];
  readonly goOn?: readonly string[];
  /** A whole program that asks one question and prints the answer. */
  readonly code?: { readonly language: 'js' | 'python' | 'sh'; readonly text: string };
}

/** One client: what it is, and what to do for a place. */
export interface ClientSetup {
  readonly id: string;
  readonly title: string;
  /** The API form in which it asks. */
  readonly api: 'chat completions' | 'responses' | 'messages' | 'generateContent' | 'MCP';
  /** The model of the sample config that is named where no other is. */
  readonly model: string;
  readonly notes: readonly string[];
  readonly setup: (place: Place) => Setup;
}

/** A text in an indented template, without the indentation of its first line. */
export function lines(text: string): string {
  const all = text.replace(/^\n/, '').trimEnd().split('\n');
  const indent = /^ */.exec(all[0] ?? '')?.[0].length ?? 0;
  return `${all.map((line) => line.slice(indent)).join('\n')}\n`;
}
