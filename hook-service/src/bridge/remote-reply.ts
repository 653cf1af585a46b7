import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { readEvents } from '../mcp/event-stream';
import { mediaType, readText } from '../wire/http-client';
import { idKey, isAnswer, isMessage, type Id, type Message } from './rpc';

/** The far side answered, but with a status that is no answer. Its text may hold a JSON-RPC error. */
export class BadStatus extends Error {
  override readonly name = 'BadStatus';

  constructor(
    readonly status: number,
    readonly text: string,
  ) {
    super(`HTTP ${status}`);
  }

  /** The JSON-RPC error inside, as an answer to this request. */
  answerTo(id: Id): Message | undefined {
    const [answer] = [this.text, quotedIn(this.text)].flatMap((text) => messagesOf(text, true));
    if (answer === undefined || !('error' in answer) || answer.error === undefined) return undefined;
    return { ...answer, id };
  }
}

/** LiteLLM's pass-through quotes the text of an error in one of its own. */
function quotedIn(text: string): string {
  const { data } = quoting.safeParse(parsedOf(text));
  return data?.error.message ?? '';
}

const quoting = z.object({ error: z.object({ message: z.string() }) });

function parsedOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const errorTextLimit = 65_536;

/** How far a reply was read. */
export interface ReplyEnd {
  /** The request got its answer. */
  readonly answered: boolean;
  /** Where the stream can be taken up again. */
  readonly lastEventId?: string;
}

/** Reads the reply to a POST or GET and hands on every message in it. Throws `BadStatus` and `ExchangeFailure`. */
export async function readReply(
  reply: IncomingMessage,
  id: Id | undefined,
  maxBytes: number,
  onMessage: (message: Message) => void,
): Promise<ReplyEnd> {
  const status = reply.statusCode ?? 0;
  if (status < 200 || status > 299) {
    throw new BadStatus(status, await readText(reply, errorTextLimit).catch(() => ''));
  }
  let answered = false;
  let lastEventId: string | undefined;
  const take = (message: Message): void => {
    if (id !== undefined && isAnswer(message) && idKey(message.id) === idKey(id)) answered = true;
    onMessage(message);
  };
  if (mediaType(reply) === 'text/event-stream') {
    const onEvent = (event: { id?: string | undefined; data: string }): void => {
      if (event.id !== undefined && event.id !== '') lastEventId = event.id;
      for (const message of messagesOf(event.data)) take(message);
    };
    await readEvents(reply, { onEvent }, maxBytes).catch((error: unknown) => {
      if (!answered && lastEventId === undefined) throw error;
    });
  } else {
    for (const message of messagesOf(await readText(reply, maxBytes))) take(message);
  }
  return { answered, ...(lastEventId === undefined ? {} : { lastEventId }) };
}

/** The messages in a text; none where it is something else. `anyId` also takes an error that names no request. */
function messagesOf(text: string, anyId = false): Message[] {
  const parsed = parsedOf(text);
  const all: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  return all
    .map((each) => (anyId && typeof each === 'object' && each !== null ? { ...each, id: 0 } : each))
    .filter(isMessage);
}
