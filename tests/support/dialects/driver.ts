/** What the table of dialects needs of each: its official SDK in front of LiteLLM, a scripted model behind it. */
import type { Answer as ModelAnswer, ModelRequest } from '../../../scripts/src/scripted-model';

/** One call of the model. */
export interface Call {
  readonly id: string;
  readonly name: string;
  readonly args: Readonly<Record<string, string>>;
}

/** What the model says in one round, whichever the dialect. */
export interface Said {
  readonly text?: string;
  readonly calls?: readonly Call[];
  readonly usage?: Tokens;
}

/** An error of the provider. */
export interface Refused {
  readonly error: string;
  readonly status: number;
}

export interface Tokens {
  readonly input: number;
  readonly output: number;
}

/** A request as the model sees it. */
export interface Asked {
  /** How many answers of the model lie behind the last question. */
  readonly rounds: number;
  /** Results behind the last answer, in their order. */
  readonly results: readonly string[];
  /** Names of the functions on offer. */
  readonly tools: readonly string[];
}

export type Script = (asked: Asked) => Said | Refused | Promise<Said | Refused>;

/** A piece of a conversation, in words that all dialects share. */
export type Entry =
  | readonly ['question' | 'text' | 'result', text: string]
  | readonly ['call', name: string, args: Readonly<Record<string, string>>];

/** What the SDK has of one answer. */
export interface Answer {
  readonly text: string;
  readonly calls: readonly Call[];
  /** The dialect's own word for why it ended. */
  readonly reason: string;
  readonly usage: Tokens;
}

/** One request of the client as it went over the wire. */
export interface Exchange {
  readonly status: number;
  readonly headers: Headers;
  /** The whole body, also where the stream breaks off. */
  readonly body: Promise<string>;
}

/** A client that sends back what it was shown. */
export interface Conversation {
  ask(question: string): Promise<Answer>;
  /** Answers the calls of the last answer, in their order. */
  answer(results: readonly string[]): Promise<Answer>;
}

export interface Settings {
  /** LiteLLM, without a path. */
  readonly url: string;
  readonly key: string;
  readonly stream: boolean;
  /** With the client's own tool `weather`. */
  readonly own: boolean;
  /** Filled as the conversation goes. */
  readonly exchanges: Exchange[];
  /** How often the same was asked before, which the official SDKs say in a header when they repeat a request. */
  readonly retry?: number;
}

export interface Driver {
  readonly dialect: string;
  /** An entry of LiteLLM's `model_list` that leads to the scripted model at `url` (with `/v1`). */
  entry(url: string): object;
  /** How an answer ends: finished, and with calls of the client. */
  readonly ends: { readonly finished: string; readonly calls: string };
  /** Whether `x-toolturn-rounds` and `x-toolturn-calls` stand at a plain answer: LiteLLM may have made the headers before. */
  readonly countsInHeaders: boolean;
  /** The scripted provider of this dialect. */
  provider(script: Script): ModelAnswer;
  converse(settings: Settings): Conversation;
  /** What was said so far, as the model received it; and the same as it stood in the body. */
  entriesOf(request: ModelRequest): Entry[];
  messagesOf(request: ModelRequest): unknown[];
  /** What the provider would refuse of a request. */
  requestProblems(request: ModelRequest): string[];
  /** What is wrong with an answer by the grammar of the dialect. */
  answerProblems(body: string, stream: boolean): string[];
  /** The same of one that failed: one error, in the dialect's form, at its end, and no end of a good answer. */
  errorProblems(body: string, stream: boolean): string[];
}

/** A `fetch` that writes down what goes by, and says which try of a request it is. */
export function recording(exchanges: Exchange[], retry = 0): typeof fetch {
  return async (input, init) => {
    const headers = new Headers(init?.headers);
    if (retry > 0) headers.set('x-stainless-retry-count', `${retry}`);
    const response = await fetch(input, { ...init, headers });
    const copy = response.clone();
    const body = copy.text();
    // Read by whoever asks for it; a stream that is cut is no unhandled error before that.
    body.catch(() => undefined);
    exchanges.push({ status: response.status, headers: response.headers, body });
    return response;
  };
}

export const weather = {
  name: 'weather',
  description: 'The weather in a city.',
  schema: { type: 'object' as const, properties: { city: { type: 'string' } } },
};

/** The `data:` of each event of a stream; `\r\n` is a line end too. */
export function dataIn(body: string): string[] {
  return body.split(/\r?\n/).flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
}

/** Lists what does not hold. */
export function listProblems(...rules: readonly (readonly [holds: boolean, problem: string])[]): string[] {
  return rules.flatMap(([holds, problem]) => (holds ? [] : [problem]));
}

/** An entry of LiteLLM's `model_list` with what a token costs, in dollars. */
export function priced(
  entry: object,
  perToken: { readonly input_cost_per_token: number; readonly output_cost_per_token: number },
): object {
  const { litellm_params: params, ...rest } = entry as { litellm_params: object };
  return { ...rest, litellm_params: { ...params, ...perToken } };
}
