import type { JoinOptions, Reading, Round, StreamJoiner } from '../core/dialect';
import { failureError } from '../core/failure-policy';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { sumUsage, wantsUsage } from '../core/usage';
import type { Work } from '../core/work';
import { noteLines, notesOf } from '../core/work-note';
import { ChatCallAssembler, type OpenCall } from './chat-calls';
import { chatMessage } from './chat-message';
import { separator } from './text';
import { ThinkingAssembler } from './chat-thinking';

/** Joins the chunk streams of all rounds (`chat.completion.chunk`) into one. */
export class ChatJoiner implements StreamJoiner {
  /** id, created and model of the first chunk: the answer is one, whatever each round calls itself. */
  private envelope: JsonObject | undefined;
  private roleSent = false;
  private visible = '';
  /** The end of the reasoning that was shown. */
  private thought = '';
  private clientCalls = 0;
  private handedBack = false;
  private readonly clientIndex = new Map<OpenCall, number>();
  private readonly usages: (JsonObject | undefined)[] = [];
  private usageChunk: JsonObject | undefined;
  private finishChunk: JsonObject | undefined;
  private roundNumber = 1;
  private round: RoundState;

  constructor(private readonly options: JoinOptions) {
    this.round = new RoundState(options.turn, 1);
  }

  seen(chunks: readonly JsonObject[]): void {
    for (const chunk of chunks) this.take(chunk);
  }

  push(chunk: JsonObject): Reading {
    const out = this.take(chunk);
    return { out: out === undefined ? [] : [out], calls: this.round.calls.complete(false) };
  }

  /** LiteLLM's last chunk brings the finish reason; behind it comes usage alone, where that was asked for. */
  get isOver(): boolean {
    const { body } = this.options;
    if ((body['n'] ?? 1) !== 1) return false;
    return this.round.ended && (this.round.usage !== undefined || !wantsUsage(body));
  }

  /** Throws `upstream_failed` when the stream broke off: half an answer must not look like a whole one. */
  endRound(): Reading & { readonly round: Round } {
    if (!this.round.ended) throw failureError('streamBroke');
    const calls = this.round.calls.complete(true);
    const { message, usage, text } = this.round;
    this.usages.push(usage);
    const round: Round = {
      message: message(),
      calls: this.round.calls.calls.map((call) => ({
        id: call.id,
        name: call.name,
        arguments: call.written,
      })),
      text,
      ...(usage === undefined ? {} : { usage }),
    };
    this.roundNumber += 1;
    this.round = new RoundState(this.options.turn, this.roundNumber);
    return { out: [], calls, round };
  }

  keepAlive(): JsonObject {
    return this.chunk({});
  }

  note(text: string): readonly JsonObject[] {
    const content = separator(this.visible, text) + text;
    this.visible += content;
    return [this.chunk({ ...this.role(), content })];
  }

  work(work: Work): readonly JsonObject[] {
    const text = noteLines(this.thought, notesOf([work]));
    if (text === '') return [];
    this.thought = text;
    return [this.chunk({ ...this.role(), reasoning_content: text })];
  }

  finish(): readonly JsonObject[] {
    const ended = firstChoice(this.finishChunk);
    const reason = ended?.['finish_reason'];
    const answered =
      reason === undefined || reason === null || reason === 'tool_calls' || reason === 'function_call';
    const finish = {
      ...this.inEnvelope(this.finishChunk ?? {}),
      choices: [
        {
          ...ended,
          index: 0,
          delta: {},
          finish_reason: this.handedBack ? 'tool_calls' : answered ? 'stop' : reason,
        },
      ],
    };
    const usage = sumUsage(this.usages);
    if (usage === undefined || this.usageChunk === undefined || this.options.wantsUsage !== true)
      return [finish];
    return [finish, { ...this.inEnvelope(this.usageChunk), usage }];
  }

  /** Reads one chunk; gives what the client may see of it. */
  private take(chunk: JsonObject): JsonObject | undefined {
    this.envelope ??= envelopeOf(chunk);
    const usage = chunk['usage'];
    if (isJsonObject(usage)) {
      this.round.usage = usage;
      this.usageChunk = withoutFinish(chunk);
    }
    const choice = firstChoice(chunk);
    if (choice === undefined) return undefined;
    const delta = isJsonObject(choice['delta']) ? choice['delta'] : {};
    if (typeof choice['finish_reason'] === 'string') {
      this.finishChunk = chunk;
      this.round.ended = true;
    }
    const shown = this.shownDelta(delta);
    const extra = choice['logprobs'] !== undefined && choice['logprobs'] !== null;
    if (Object.keys(shown).length === 0 && !extra) return undefined;
    const { usage: _usage, ...rest } = chunk;
    return {
      ...rest,
      ...this.envelope,
      choices: [
        {
          ...choice,
          delta: shown,
          ...(choice['finish_reason'] === undefined ? {} : { finish_reason: null }),
        },
      ],
    };
  }

  /** The part of a delta that the client sees: text at once, its own calls, its role once. */
  private shownDelta(delta: JsonObject): JsonObject {
    const { tool_calls: pieces, role, ...rest } = delta;
    const shown: JsonObject = {};
    if (role !== undefined && role !== null && !this.roleSent) {
      this.roleSent = true;
      shown['role'] = role;
    }
    const own = Array.isArray(pieces) ? this.ownPieces(pieces.filter(isJsonObject)) : [];
    for (const [name, value] of Object.entries(rest)) {
      if (value === null && shown['role'] === undefined && own.length === 0) continue;
      shown[name] = value;
    }
    if (typeof delta['content'] === 'string' && delta['content'] !== '') {
      const lead = this.round.text === '' ? separator(this.visible, delta['content']) : '';
      this.round.text += delta['content'];
      this.visible += lead + delta['content'];
      shown['content'] = lead + delta['content'];
    } else if (shown['role'] === undefined && own.length === 0) {
      delete shown['content'];
    }
    if (typeof delta['reasoning_content'] === 'string' && delta['reasoning_content'] !== '')
      this.thought = delta['reasoning_content'];
    this.round.add(delta);
    if (own.length > 0) shown['tool_calls'] = own;
    return shown;
  }

  /** Collects all pieces; gives those of the client's calls under the client's own indices. */
  private ownPieces(pieces: readonly JsonObject[]): JsonObject[] {
    return pieces.flatMap((piece) => {
      const call = this.round.calls.push(piece);
      if (!this.options.isClients(call.name)) return [];
      this.handedBack = true;
      let index = this.clientIndex.get(call);
      if (index === undefined) {
        index = this.clientCalls++;
        this.clientIndex.set(call, index);
      }
      return [{ ...piece, ...(typeof piece['id'] === 'string' ? { id: call.id } : {}), index }];
    });
  }

  /** The role, where it was not sent yet. */
  private role(): JsonObject {
    if (this.roleSent) return {};
    this.roleSent = true;
    return { role: 'assistant' };
  }

  private chunk(delta: JsonObject): JsonObject {
    return { ...this.inEnvelope({}), choices: [{ index: 0, delta, finish_reason: null }] };
  }

  private inEnvelope(chunk: JsonObject): JsonObject {
    const { usage: _usage, ...rest } = chunk;
    return { object: 'chat.completion.chunk', ...rest, ...this.envelope };
  }
}

/** What one round has come to so far. */
class RoundState {
  text = '';
  /** True once its finish reason has come. */
  ended = false;
  usage: JsonObject | undefined;
  readonly calls: ChatCallAssembler;
  private readonly thinking = new ThinkingAssembler();
  private reasoning = '';
  private refusal = '';
  private readonly other: JsonObject = {};

  constructor(turn: string, roundNumber: number) {
    this.calls = new ChatCallAssembler(turn, roundNumber);
  }

  add(delta: JsonObject): void {
    if (typeof delta['reasoning_content'] === 'string') this.reasoning += delta['reasoning_content'];
    if (typeof delta['refusal'] === 'string') this.refusal += delta['refusal'];
    this.thinking.push(delta['thinking_blocks']);
    if (isJsonObject(delta['provider_specific_fields'])) {
      this.other['provider_specific_fields'] = {
        ...(isJsonObject(this.other['provider_specific_fields'])
          ? this.other['provider_specific_fields']
          : {}),
        ...delta['provider_specific_fields'],
      };
    }
  }

  /** The assistant's message of this round, as it goes upstream again. */
  readonly message = (): JsonObject => {
    const entries = this.calls.entries();
    return chatMessage({
      role: 'assistant',
      content: this.text === '' ? null : this.text,
      ...(this.reasoning === '' ? {} : { reasoning_content: this.reasoning }),
      ...(this.refusal === '' ? {} : { refusal: this.refusal }),
      ...this.thinking.field(),
      ...this.other,
      ...(entries.length === 0 ? {} : { tool_calls: entries }),
    });
  };
}

function envelopeOf(chunk: JsonObject): JsonObject {
  return Object.fromEntries(
    ['id', 'created', 'model'].filter((name) => chunk[name] !== undefined).map((name) => [name, chunk[name]]),
  );
}

function withoutFinish(chunk: JsonObject): JsonObject {
  const choice = firstChoice(chunk);
  return choice === undefined ? chunk : { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: null }] };
}

function firstChoice(chunk: JsonObject | undefined): JsonObject | undefined {
  const choices = chunk?.['choices'];
  const choice: Json | undefined = Array.isArray(choices) ? choices[0] : undefined;
  return isJsonObject(choice) ? choice : undefined;
}
