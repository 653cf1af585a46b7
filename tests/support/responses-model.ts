/**
 * A scripted provider of OpenAI's Responses API, strict where the real one is: it keeps what it may store, resolves
 * `previous_response_id` and `item_reference`, and refuses a conversation in which a call has no answer, an
 * answer has no call, an id comes twice, or a reasoning item could not be known to it.
 */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Answer, ModelRequest, Reply, StreamOut } from '../../scripts/src/scripted-model';

export type Item = Record<string, any>;

/** One call as the model writes it. */
export interface SaidCall {
  readonly name: string;
  readonly arguments?: object | string;
  readonly call_id?: string;
  readonly namespace?: string;
}

/** What the model says in one round, in this order. */
export interface Said {
  readonly reasoning?: string;
  readonly text?: string;
  readonly calls?: readonly SaidCall[];
  /** Items of any kind, behind the others, streamed as added and done. */
  readonly items?: readonly Item[];
  readonly usage?: { readonly input: number; readonly output: number; readonly cached?: number };
  readonly status?: 'completed' | 'incomplete' | 'failed';
  /** Waited for before each event of a stream but the first two. */
  readonly pace?: (event: Item) => Promise<unknown> | void;
  /** Cuts the stream before its last event. */
  readonly cut?: boolean;
}

/** A request as the provider understands it. */
export interface Asked {
  readonly body: Item;
  /** The whole conversation: stored responses, references resolved, then the input. */
  readonly context: readonly Item[];
  /** Names of the functions offered. */
  readonly tools: readonly string[];
  /** How many answers lie behind the last message of the user. */
  readonly rounds: number;
  /** Outputs behind the last call, in order, as text. */
  readonly results: readonly string[];
}

export type Script = (
  asked: Asked,
) => Said | { error: string; status?: number } | Promise<Said | { error: string; status?: number }>;

const id = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`;
const isOutput = (item: Item): boolean => /_output$/.test(item.type ?? '');
const isSaid = (item: Item | undefined): boolean => item?.role === 'assistant';
const isCall = (item: Item): boolean => item.type === 'function_call' || item.type === 'custom_tool_call';

/** The provider's memory, and the answers it gives by a script. */
export class ResponsesProvider {
  private readonly responses = new Map<string, Item[]>();
  private readonly items = new Map<string, Item>();
  /** Ids of all responses given, oldest first. */
  readonly given: string[] = [];

  /** An `Answer` for the scripted model. */
  answer(script: Script): Answer {
    return async (request) => {
      const asked = this.understand(request);
      if (typeof asked === 'string') return { error: asked, status: 400 };
      const said = await script(asked);
      return 'error' in said ? refused(said.error, said.status) : this.reply(asked, said);
    };
  }

  private understand(request: ModelRequest): Asked | string {
    const body: Item = request.body;
    if (!/\/responses$/.test(request.path)) return `No such path: ${request.path}`;
    const before =
      (body.previous_response_id ?? undefined) === undefined
        ? []
        : this.responses.get(body.previous_response_id);
    if (before === undefined) return `Previous response with id '${body.previous_response_id}' not found.`;
    const input: Item[] =
      typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : (body.input ?? []);
    const resolved = input.map((item) => (item.type === 'item_reference' ? this.items.get(item.id) : item));
    const missing = resolved.indexOf(undefined);
    if (missing !== -1) return `Item with id '${input[missing]?.id}' not found.`;
    const context = [...before, ...(resolved as Item[])];
    const problem = conversationProblem(context, body);
    if (problem !== undefined) return problem;
    const lastUser = context.map((item) => item.role).lastIndexOf('user');
    const behind = context.slice(lastUser + 1);
    const lastCall = context.map(isCall).lastIndexOf(true);
    return {
      body,
      context,
      tools: (body.tools ?? []).flatMap((tool: Item) => (tool.type === 'function' ? tool.name : [])),
      rounds: behind.filter((item, at) => isOutput(item) && !isOutput(behind[at + 1] ?? {})).length,
      results: context
        .slice(lastCall + 1)
        .filter(isOutput)
        .map((item) => (typeof item.output === 'string' ? item.output : JSON.stringify(item.output))),
    };
  }

  private reply(asked: Asked, said: Said): Reply {
    const { body, context } = asked;
    const output = itemsOf(said, body);
    const response = responseFor(body, output, said);
    if (body.store !== false) {
      this.responses.set(response.id, [...context, ...output]);
      for (const item of output) this.items.set(item.id, item);
    }
    this.given.push(response.id);
    if (body.stream !== true) return { json: response };
    return { stream: (out) => stream(out, response, said) };
  }
}

/** An error in the provider's words: LiteLLM 1.77.3 makes a 400 of any error that calls itself invalid_request_error. */
function refused(message: string, status = 500): Reply {
  const type = status === 429 ? 'rate_limit_exceeded' : 'server_error';
  return { status, json: { error: { message, type, param: null, code: type } } };
}

/** What the real provider would refuse of a conversation; undefined when it is well-formed. */
export function conversationProblem(context: readonly Item[], body: Item): string | undefined {
  const ids = context.flatMap((item) => item.id ?? []);
  const twice = ids.find((each, at) => ids.indexOf(each) !== at);
  if (twice !== undefined) return `Duplicate item found with id ${twice}.`;
  for (const item of context.filter(isCall)) {
    const answers = context.filter((each) => isOutput(each) && each.call_id === item.call_id);
    if (answers.length !== 1)
      return `${answers.length} tool outputs found for function call ${item.call_id}.`;
  }
  for (const item of context.filter(isOutput)) {
    const calls = context.filter((each) => /call$/.test(each.type ?? '') && each.call_id === item.call_id);
    if (calls.length !== 1)
      return `No tool call found for function call output with call_id ${item.call_id}.`;
  }
  const nulls = context.find((item) => Object.values(item).includes(null));
  if (nulls !== undefined) return `Invalid value: null in ${JSON.stringify(nulls)}.`;
  const unknown = context.find(
    (item) => body.store === false && item.type === 'reasoning' && item.encrypted_content === undefined,
  );
  if (unknown !== undefined)
    return `Item with id '${unknown.id}' not found. Items are not persisted when store is set to false.`;
  const dangling = context.find(
    (item, at) => item.type === 'reasoning' && !isCall(context[at + 1] ?? {}) && !isSaid(context[at + 1]),
  );
  if (dangling !== undefined)
    return `Item '${dangling.id}' of type 'reasoning' was provided without its required following item.`;
  return undefined;
}

function itemsOf(said: Said, body: Item): Item[] {
  const encrypted = (body.include ?? []).includes('reasoning.encrypted_content');
  return [
    ...(said.reasoning === undefined
      ? []
      : [
          {
            id: id('rs'),
            type: 'reasoning',
            summary: [{ type: 'summary_text', text: said.reasoning }],
            ...(encrypted ? { encrypted_content: `ENC:${said.reasoning}` } : {}),
          },
        ]),
    ...(said.text === undefined ? [] : [messageItem(said.text)]),
    ...(said.calls ?? []).map((call) => ({
      id: id('fc'),
      type: 'function_call',
      status: 'completed',
      arguments: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments ?? {}),
      call_id: call.call_id ?? id('call'),
      name: call.name,
      ...(call.namespace === undefined ? {} : { namespace: call.namespace }),
    })),
    ...(said.items ?? []).map((item) => ({ id: id('it'), ...item })),
  ];
}

function messageItem(text: string): Item {
  const content = [{ type: 'output_text', annotations: [], logprobs: [], text }];
  return { id: id('msg'), type: 'message', status: 'completed', content, role: 'assistant' };
}

function responseFor(body: Item, output: readonly Item[], said: Said): Item {
  const { input = 10, output: written = 5, cached = 0 } = said.usage ?? {};
  const status = said.status ?? 'completed';
  return {
    id: id('resp'),
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    status,
    background: false,
    error: status === 'failed' ? { code: 'server_error', message: 'The model is on fire.' } : null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: 'demo-2026-11-01',
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: null, summary: null },
    store: body.store ?? true,
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: 1,
    truncation: 'disabled',
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: cached },
      output_tokens: written,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: input + written,
    },
    user: null,
    metadata: {},
  };
}

/** The events of a response (https://platform.openai.com/docs/api-reference/responses-streaming). */
export function eventsOf(response: Item): Item[] {
  const begun = {
    ...response,
    status: 'in_progress',
    error: null,
    incomplete_details: null,
    output: [],
    usage: null,
  };
  const events: Item[] = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...response.output.flatMap(itemEvents),
    { type: `response.${response.status}`, response },
  ];
  return events.map((event, sequence_number) => ({ ...event, sequence_number }));
}

function itemEvents(item: Item, output_index: number): Item[] {
  const at = { item_id: item.id, output_index };
  const added = (begun: Item): Item => ({ type: 'response.output_item.added', output_index, item: begun });
  const done = { type: 'response.output_item.done', output_index, item };
  if (item.type === 'message') {
    const [part] = item.content;
    const within = { ...at, content_index: 0 };
    return [
      added({ ...item, status: 'in_progress', content: [] }),
      { type: 'response.content_part.added', ...within, part: { ...part, text: '' } },
      ...pieces(part.text).map((delta) => ({
        type: 'response.output_text.delta',
        ...within,
        delta,
        logprobs: [],
      })),
      { type: 'response.output_text.done', ...within, text: part.text, logprobs: [] },
      { type: 'response.content_part.done', ...within, part },
      done,
    ];
  }
  if (item.type === 'function_call') {
    return [
      added({ ...item, status: 'in_progress', arguments: '' }),
      ...pieces(item.arguments).map((delta) => ({
        type: 'response.function_call_arguments.delta',
        ...at,
        delta,
      })),
      { type: 'response.function_call_arguments.done', ...at, arguments: item.arguments, name: item.name },
      done,
    ];
  }
  if (item.type === 'reasoning') {
    const within = { ...at, summary_index: 0 };
    const [part] = item.summary;
    return [
      added({ ...item, summary: [] }),
      { type: 'response.reasoning_summary_part.added', ...within, part: { ...part, text: '' } },
      ...pieces(part.text).map((delta) => ({
        type: 'response.reasoning_summary_text.delta',
        ...within,
        delta,
      })),
      { type: 'response.reasoning_summary_text.done', ...within, text: part.text },
      { type: 'response.reasoning_summary_part.done', ...within, part },
      done,
    ];
  }
  return [added({ ...item, status: 'in_progress' }), done];
}

async function stream(out: StreamOut, response: Item, said: Said): Promise<void> {
  for (const [at, event] of eventsOf(response).entries()) {
    if (at > 1) await said.pace?.(event);
    if (said.cut === true && event.response?.status === response.status) return out.destroy();
    // The real provider names every event as well.
    out.raw(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }
}

function pieces(text: string): string[] {
  return text.match(/[\s\S]{1,7}/g) ?? [];
}

/** The text of all messages in an output. */
export const textIn = (output: readonly Item[]): string =>
  output
    .filter((item) => item.type === 'message')
    .map((item) => item.content.map((part: Item) => part.text).join(''))
    .join('|');

/**
 * What is wrong with a stream by the API's own grammar: a response begins once and ends once, numbers rise by
 * one, items come one behind the other (hosted calls side by side) at rising indices, and the end lists what was streamed.
 */
export function streamProblems(events: readonly Item[]): string[] {
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string): void => void (holds || problems.push(problem));
  const count = (...types: string[]): number => events.filter((event) => types.includes(event.type)).length;
  const last = events.at(-1);
  expect(events[0]?.type === 'response.created', 'does not begin with response.created');
  expect(count('response.created') === 1, 'response.created does not come once');
  expect(count('response.in_progress') >= 1, 'no response.in_progress');
  expect(
    count('response.completed', 'response.incomplete', 'response.failed') === 1 &&
      last?.response !== undefined,
    `has ${count('response.completed', 'response.incomplete', 'response.failed')} ends`,
  );
  events.forEach((event, at) => {
    const { sequence_number: number } = event;
    expect(at === 0 || number === events[at - 1]?.sequence_number + 1, `number ${number} at ${at}`);
  });
  const done: Item[] = [];
  const open = new Map<number, { item: Item; text: string }>();
  let next = 0;
  for (const event of events) {
    const index: number | undefined = event.output_index;
    if (index === undefined) continue;
    if (event.type === 'response.output_item.added') {
      expect(index === next++, `an item at index ${index}`);
      // Calls of hosted tools run side by side; all else stands one behind the other.
      const others = [...open.values()].filter(({ item }) => item.type !== 'mcp_call');
      expect(others.length === 0, 'an item begins inside another');
      open.set(index, { item: event.item, text: '' });
    }
    const at = open.get(index);
    expect(at !== undefined, `${event.type} outside of an item`);
    expect(event.item_id === undefined || event.item_id === at?.item.id, `${event.type} of another item`);
    if (/(text|arguments)\.delta$/.test(event.type) && at !== undefined) at.text += event.delta;
    if (/(text|arguments)\.done$/.test(event.type))
      expect(at?.text === (event.text ?? event.arguments), `${event.type} differs from its deltas`);
    if (event.type === 'response.output_item.done') {
      expect(event.item.id === at?.item.id, 'another item ends than began');
      done[index] = event.item;
      open.delete(index);
    }
  }
  expect(open.size === 0, 'an item does not end');
  expect(
    isDeepStrictEqual(last?.response?.output, done),
    `the end lists ${JSON.stringify(last?.response?.output)}, streamed was ${JSON.stringify(done)}`,
  );
  return problems;
}
