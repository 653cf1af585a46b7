/**
 * A scripted stand-in for Anthropic: what `startScriptedModel` answers on `/v1/messages`, as JSON or as the events
 * of the streaming grammar, whichever the request asks for.
 */
import { randomBytes } from 'node:crypto';
import type { ModelRequest, Reply, StreamOut } from '../../scripts/src/scripted-model';

type Block = Record<string, unknown>;

/** A message of the model. Each of the fields may be left out. */
export interface ScriptedMessage {
  readonly text?: string;
  /** Calls behind the text. A string as input goes out as it is, in a stream; ids are made up where there are none. */
  readonly calls?: readonly {
    readonly id?: string;
    readonly name: string;
    readonly input: object | string;
  }[];
  /** The blocks themselves, instead of `text` and `calls`. */
  readonly blocks?: readonly Block[];
  readonly usage?: Record<string, unknown>;
  readonly stopReason?: string;
}

/** The reply to a request, in the form it asks for. */
export function say(request: ModelRequest, message: ScriptedMessage): Reply {
  const head = messageHead(request);
  if (request.body['stream'] === true) {
    return {
      stream: (out) => {
        for (const event of messageEvents(head, message)) sendEvent(out, event);
      },
    };
  }
  const content = blocksIn(message).map((block) =>
    typeof block['input'] === 'string' ? { ...block, input: JSON.parse(block['input']) } : block,
  );
  return {
    json: { ...head, content, stop_reason: reasonOf(message), usage: message.usage ?? { ...someUsage } },
  };
}

/** An error as Anthropic sends it. */
export function refuse(status: number, type: string, message: string): Reply {
  return { json: { type: 'error', error: { type, message } }, status };
}

/** Writes one event as Anthropic does. */
export function sendEvent(out: StreamOut, event: Block): void {
  out.raw(`event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`);
}

/** The fields of a message without its content. */
export function messageHead(request: ModelRequest): Block {
  return {
    id: `msg_${randomBytes(9).toString('hex')}`,
    type: 'message',
    role: 'assistant',
    model: request.body['model'],
    stop_reason: null,
    stop_sequence: null,
  };
}

/** A message as the events in which Anthropic streams it. */
export function messageEvents(head: Block, message: ScriptedMessage): Block[] {
  const { output_tokens: output, ...input } = message.usage ?? someUsage;
  return [
    { type: 'message_start', message: { ...head, content: [], usage: { ...input, output_tokens: 1 } } },
    { type: 'ping' },
    ...blocksIn(message).flatMap(blockEvents),
    {
      type: 'message_delta',
      delta: { stop_reason: reasonOf(message), stop_sequence: null },
      usage: { output_tokens: output },
    },
    { type: 'message_stop' },
  ];
}

/** The events of one block: text in words, input in thirds, thinking with its signature at the end. */
export function blockEvents(block: Block, index: number): Block[] {
  const [begun, deltas] = inPieces(block);
  return [
    { type: 'content_block_start', index, content_block: begun },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}

const someUsage = { input_tokens: 10, output_tokens: 5 };

function blocksIn({ blocks, text, calls }: ScriptedMessage): readonly Block[] {
  return (
    blocks ?? [
      ...(text === undefined ? [] : [{ type: 'text', text }]),
      ...(calls ?? []).map(({ id, name, input }) => ({
        type: 'tool_use',
        // Random, never counted: an outcome recorded under an id of an earlier test must not be met again.
        id: id ?? `toolu_${randomBytes(12).toString('hex')}`,
        name,
        input,
      })),
    ]
  );
}

function reasonOf(message: ScriptedMessage): string {
  const calls = blocksIn(message).some((block) => block['type'] === 'tool_use');
  return message.stopReason ?? (calls ? 'tool_use' : 'end_turn');
}

function inPieces(block: Block): [begun: Block, deltas: Block[]] {
  switch (block['type']) {
    case 'text': {
      const { citations, ...rest } = block;
      const cited = Array.isArray(citations) ? citations : [];
      return [
        { ...rest, text: '', ...(cited.length === 0 ? {} : { citations: [] }) },
        [
          ...pieces(String(block['text']), /\s*\S+\s*|\s+/g).map((text) => ({ type: 'text_delta', text })),
          ...cited.map((citation) => ({ type: 'citations_delta', citation })),
        ],
      ];
    }
    case 'thinking':
      return [
        { ...block, thinking: '', signature: '' },
        [
          ...pieces(String(block['thinking']), /\s*\S+\s*|\s+/g).map((thinking) => ({
            type: 'thinking_delta',
            thinking,
          })),
          { type: 'signature_delta', signature: block['signature'] },
        ],
      ];
    case 'tool_use':
    case 'server_tool_use': {
      const { input } = block;
      const written = typeof input === 'string' ? input : JSON.stringify(input);
      const size = Math.max(1, Math.ceil(written.length / 3));
      return [
        { ...block, input: {} },
        ['', ...pieces(written, new RegExp(`[^]{1,${size}}`, 'g'))].map((partial_json) => ({
          type: 'input_json_delta',
          partial_json,
        })),
      ];
    }
    default:
      return [block, []];
  }
}

function pieces(text: string, pattern: RegExp): string[] {
  return text.match(pattern) ?? [];
}

// ---------------------------------------------------------------- requests, as the model received them

/** The messages of a request. */
export function messagesIn(request: ModelRequest | undefined): { role: string; content: any }[] {
  return (request?.body['messages'] ?? []) as { role: string; content: any }[];
}

/** Names of the tools that came with a request. */
export function namesIn(request: ModelRequest | undefined): string[] {
  return ((request?.body['tools'] ?? []) as { name?: string; type?: string }[]).map(
    (tool) => tool.name ?? tool.type ?? '',
  );
}

/** How many rounds of the present turn lie behind a request: answers since the last message that is a question. */
export function roundsBehind(request: ModelRequest): number {
  const messages = messagesIn(request);
  const isQuestion = ({ role, content }: { role: string; content: any }): boolean =>
    role === 'user' &&
    (typeof content === 'string' || content.every((block: Block) => block['type'] !== 'tool_result'));
  const from = messages.findLastIndex(isQuestion);
  return messages.slice(from + 1).filter((message) => message.role === 'assistant').length;
}

/** What the results in the last message of a request say. */
export function resultsIn(request: ModelRequest): string[] {
  const content = messagesIn(request).at(-1)?.content;
  const blocks: Block[] = Array.isArray(content) ? content : [];
  return blocks.filter((block) => block['type'] === 'tool_result').map((block) => String(block['content']));
}

/**
 * What is wrong with the messages of a request, in the words of the API's rules: each call is answered in the very
 * next message, once, in order, before anything else. Empty when nothing is.
 */
export function messageProblems(messages: readonly { role: string; content: any }[]): string[] {
  const problems: string[] = [];
  const blocksOf = (at: number): Block[] => {
    const content = messages[at]?.content;
    return Array.isArray(content) ? content : [];
  };
  for (const [at, { role, content }] of messages.entries()) {
    if (Array.isArray(content) && content.length === 0) problems.push(`messages.${at}: no content`);
    if (role === 'assistant') {
      const calls = blocksOf(at).filter((block) => block['type'] === 'tool_use');
      const answers = blocksOf(at + 1).slice(0, calls.length);
      const [asked, answered] = [
        calls.map((block) => block['id']),
        answers.map((block) => block['tool_use_id']),
      ];
      if (JSON.stringify(asked) !== JSON.stringify(answered))
        problems.push(`messages.${at}: calls ${asked.join()} are answered by ${answered.join()}`);
      if (blocksOf(at).some((block) => block['type'] === 'text' && String(block['text']).trim() === ''))
        problems.push(`messages.${at}: a text without any text`);
    } else {
      const before = blocksOf(at - 1).flatMap((block) => (block['type'] === 'tool_use' ? [block['id']] : []));
      for (const block of blocksOf(at))
        if (block['type'] === 'tool_result' && !before.includes(block['tool_use_id']))
          problems.push(`messages.${at}: a result for ${String(block['tool_use_id'])}, which was not called`);
    }
  }
  return problems;
}

/** What is wrong with a stream by the grammar of the API. Empty when nothing is. */
export function streamProblems(events: readonly Block[]): string[] {
  const problems: string[] = [];
  const types = events.map((event) => event['type']).filter((type) => type !== 'ping');
  if (types[0] !== 'message_start') problems.push(`begins with ${String(types[0])}`);
  if (types.at(-1) !== 'message_stop') problems.push(`ends with ${String(types.at(-1))}`);
  for (const type of ['message_start', 'message_delta', 'message_stop'])
    if (types.filter((each) => each === type).length !== 1) problems.push(`not exactly one ${type}`);
  if (types.at(-2) !== 'message_delta') problems.push('message_delta is not the last but one');
  let next = 0;
  let open: unknown;
  for (const event of events) {
    const { type, index } = event;
    if (type === 'content_block_start') {
      if (open !== undefined) problems.push(`block ${String(index)} begins inside of block ${String(open)}`);
      if (index !== next) problems.push(`block ${String(index)} where ${next} was due`);
      next += 1;
      open = index;
    } else if (type === 'content_block_delta' || type === 'content_block_stop') {
      if (index !== open || open === undefined)
        problems.push(`${type} of block ${String(index)}, which is not open`);
      if (type === 'content_block_stop') open = undefined;
    } else if (type !== 'ping' && open !== undefined) {
      problems.push(`${String(type)} inside of block ${String(open)}`);
    }
  }
  return problems;
}
