/** What a scripted model may answer, and how a plain answer looks on the wire of OpenAI's chat completions. */
import { randomBytes } from 'node:crypto';

/** A parsed JSON object of unknown shape. */
export type JsonRecord = Record<string, unknown>;

/** One request as the scripted provider received it. */
export interface ModelRequest {
  /** Path and query, for example `/v1/chat/completions`. */
  readonly path: string;
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonRecord;
}

/** Token counts in OpenAI's words; `total_tokens` is added. */
export interface ModelUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly [detail: string]: unknown;
}

/** A call the model makes. `arguments` as a string goes out as it is, valid JSON or not. */
export interface ScriptedToolCall {
  /** Absent: a fresh id. `null`: no id on the wire, as some providers do. */
  readonly id?: string | null;
  readonly name: string;
  readonly arguments: string | object;
}

/** An answer whose form on the wire (JSON or SSE) follows the request's `stream`. */
export interface PlainReply {
  readonly text?: string;
  /** Sent as `reasoning_content`, the name LiteLLM reads. */
  readonly reasoning?: string;
  readonly toolCalls?: readonly ScriptedToolCall[];
  /** Absent: counted from the texts, never zero. */
  readonly usage?: ModelUsage;
  /** Absent: `tool_calls` when there are calls, else `stop`. */
  readonly finishReason?: string;
}

/** A refusal: an HTTP error in OpenAI's error form, 500 unless said otherwise. */
export interface ErrorReply {
  readonly error: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A complete JSON body of the test's own making; serves every path. */
export interface JsonReply {
  readonly json: object;
  readonly status?: number;
}

/** A stream that the script writes chunk by chunk, when it wants; serves every path. */
export interface StreamReply {
  readonly stream: (out: StreamOut) => Promise<void> | void;
}

export type Reply = PlainReply | ErrorReply | JsonReply | StreamReply;

/** The script's hand on one open response. Nothing is sent, headers included, before the first write. */
export interface StreamOut {
  /** Sends one chat chunk with this delta. */
  delta(delta: object, options?: { finishReason?: string }): void;
  /** Sends `data: <object as JSON>`. */
  chunk(object: object): void;
  /** Sends text as it is: half an event, a comment, nonsense. */
  raw(text: string | Uint8Array): void;
  /** Sends the usage-only chunk (`choices: []`). */
  usage(usage: ModelUsage): void;
  /** Sends `data: [DONE]` and ends the response well. */
  done(): void;
  /** Cuts the connection in the middle. */
  destroy(): void;
  /** Resolves when the connection is gone, whoever closed it. */
  readonly closed: Promise<void>;
}

/** The fields that every chunk or answer of one response shares. */
export interface Envelope {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** A fresh envelope for the answer to a request. */
export function envelope(request: ModelRequest): Envelope {
  const model = typeof request.body.model === 'string' ? request.body.model : 'scripted';
  return { id: `chatcmpl-${randomBytes(9).toString('hex')}`, created: Math.floor(Date.now() / 1000), model };
}

/** One `chat.completion.chunk`. */
export function chatChunk(head: Envelope, delta: object, finishReason?: string): object {
  const choice = { index: 0, delta, logprobs: null, finish_reason: finishReason ?? null };
  return { ...head, object: 'chat.completion.chunk', choices: [choice] };
}

/** The chunk that only carries usage, sent last when the client asked for it. */
export function usageChunk(head: Envelope, usage: ModelUsage): object {
  return { ...head, object: 'chat.completion.chunk', choices: [], usage: withTotal(usage) };
}

/** A plain answer as one `chat.completion`. */
export function chatCompletion(head: Envelope, reply: PlainReply, request: ModelRequest): object {
  const calls = wireCalls(reply);
  const message = {
    role: 'assistant',
    content: reply.text ?? null,
    ...(reply.reasoning === undefined ? {} : { reasoning_content: reply.reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return {
    ...head,
    object: 'chat.completion',
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReasonOf(reply) }],
    usage: withTotal(reply.usage ?? countedUsage(reply, request)),
  };
}

/** A plain answer as the chunks a provider would stream: role, text, calls in pieces, finish, usage if asked. */
export function chatChunks(head: Envelope, reply: PlainReply, request: ModelRequest): object[] {
  const chunks = [chatChunk(head, { role: 'assistant', content: '' })];
  for (const piece of words(reply.reasoning)) chunks.push(chatChunk(head, { reasoning_content: piece }));
  for (const piece of words(reply.text)) chunks.push(chatChunk(head, { content: piece }));
  wireCalls(reply).forEach((call, index) => {
    const { arguments: json, name } = call.function;
    const start = { index, ...call, function: { name, arguments: '' } };
    chunks.push(chatChunk(head, { tool_calls: [start] }));
    for (const piece of thirds(json)) {
      chunks.push(chatChunk(head, { tool_calls: [{ index, function: { arguments: piece } }] }));
    }
  });
  chunks.push(chatChunk(head, {}, finishReasonOf(reply)));
  const options = request.body.stream_options;
  if (
    typeof options === 'object' &&
    options !== null &&
    'include_usage' in options &&
    options.include_usage
  ) {
    chunks.push(usageChunk(head, reply.usage ?? countedUsage(reply, request)));
  }
  return chunks;
}

function finishReasonOf(reply: PlainReply): string {
  return reply.finishReason ?? (reply.toolCalls?.length ? 'tool_calls' : 'stop');
}

function wireCalls(reply: PlainReply) {
  return (reply.toolCalls ?? []).map((call) => ({
    // Random, never counted: an outcome recorded under an id of an earlier test must not be met again.
    ...(call.id === null ? {} : { id: call.id ?? `call_${randomBytes(12).toString('hex')}` }),
    type: 'function',
    function: {
      name: call.name,
      arguments: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments),
    },
  }));
}

function countedUsage(reply: PlainReply, request: ModelRequest): ModelUsage {
  const said = `${reply.text ?? ''}${reply.reasoning ?? ''}${JSON.stringify(reply.toolCalls ?? [])}`;
  const asked = JSON.stringify([request.body.messages, request.body.tools]);
  return { prompt_tokens: Math.ceil(asked.length / 4), completion_tokens: Math.ceil(said.length / 4) };
}

function withTotal(usage: ModelUsage): object {
  return { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens };
}

/** The text in pieces that join to the text again: a word and the space after it. */
function words(text: string | undefined): string[] {
  return text?.match(/\s*\S+\s*|\s+/g) ?? [];
}

function thirds(text: string): string[] {
  const size = Math.max(1, Math.ceil(text.length / 3));
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size));
  return pieces;
}
