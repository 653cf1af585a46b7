/** What bounds one turn. The model can repeat anything, so everything it can repeat has a bound. */
export interface Limits {
  /** Model calls that may ask for tools; after the last one the model is asked once more without tools. */
  readonly rounds: number;
  /** Tool calls of the whole turn. */
  readonly calls: number;
  /** Tool calls that run at the same time. */
  readonly parallel: number;
  /** Wall clock of the whole turn, in milliseconds. */
  readonly turnMs: number;
  /** What is set aside for the last answer, after any other limit was reached, in milliseconds. */
  readonly answerMs: number;
  /** Deadline of one call without progress, in milliseconds; a shorter `timeout` of its server wins. */
  readonly callMs: number;
  /** Deadline of one call however much progress it reports, in milliseconds. */
  readonly callMaxMs: number;
  /** Tokens of all rounds, prompt and answer, after which no more tools run; absent: any number. */
  readonly tokens?: number;
  /** Bytes of all results together; what goes beyond is cut, and then no more tools run. Absent: any number. */
  readonly turnResultBytes?: number;
  /** Calls of single tools, by name or glob; the first one that fits counts. Absent: no tool has a limit of its own. */
  readonly tools?: readonly { readonly pattern: string; readonly calls?: number }[];
  /** How often the same call may come to the same result before it is refused. */
  readonly repeats: number;
  /** A longer tool result is cut before the model sees it. */
  readonly resultBytes: number;
}

/** `auto` offers tools to every request, `on_request` where the request asks for them, `off` never. */
export type InjectMode = 'auto' | 'on_request' | 'off';

/** Who is offered tools. The first rule that fits wins, so the order of the config file is kept. */
export interface InjectPolicy {
  readonly default: InjectMode;
  /** `pattern` is a model name, or a glob in which `*` stands for any text. */
  readonly models: readonly { readonly pattern: string; readonly mode: InjectMode }[];
  /** `key` is a key's alias or its hash. */
  readonly keys: readonly { readonly key: string; readonly mode: InjectMode }[];
}

/** The mode for one request: a rule for the key beats one for the model, which beats the default. */
export function injectModeFor(
  policy: InjectPolicy,
  request: {
    readonly model: string;
    readonly keyAlias?: string | undefined;
    readonly keyHash?: string | undefined;
  },
): InjectMode {
  // The hash cannot be chosen by whoever names keys, so it is asked first.
  const byKey =
    policy.keys.find(({ key }) => key === request.keyHash) ??
    policy.keys.find(({ key }) => key === request.keyAlias);
  if (byKey) return byKey.mode;
  const byModel =
    policy.models.find(({ pattern }) => pattern === request.model) ??
    policy.models.find(({ pattern }) => matchesGlob(pattern, request.model));
  return byModel?.mode ?? policy.default;
}

/** True where a name fits a glob. Compares piece by piece: a regular expression made from a pattern could be made to backtrack for ever. */
export function matchesGlob(pattern: string, text: string): boolean {
  const pieces = pattern.split('*');
  const first = pieces.shift() ?? '';
  const last = pieces.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
