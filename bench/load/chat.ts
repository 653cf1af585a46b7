/** One chat completion, whole or streamed, read as a client reads it. */
import OpenAI from 'openai';
import { post, type Answer } from './http';

export interface Call {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface Completion extends Pick<Answer, 'first' | 'total' | 'bytes'> {
  readonly said: string;
  readonly calls: readonly Call[];
}

/** Asks for one completion; rejects unless it is a whole one without an error. */
export type Complete = (body: {
  readonly messages: readonly object[];
  readonly stream: boolean;
}) => Promise<Completion>;

interface Piece {
  readonly content?: string | null;
  readonly tool_calls?: readonly (Partial<Omit<Call, 'function'>> & {
    readonly index?: number;
    readonly function?: { readonly name?: string; readonly arguments?: string };
  })[];
}

interface Body {
  readonly choices?: readonly { readonly delta?: Piece; readonly message?: Piece }[];
  readonly error?: { readonly message?: string };
}

/** With a bare POST on a kept connection: no library can be faster. */
export const bareClient =
  (url: string, key: string): Complete =>
  (body) =>
    complete(url, key, body);

/** With the official client, as it comes. */
export function sdkClient(url: string, key: string): Complete {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  return async (body) => {
    const reading = new Reading();
    const begun = performance.now();
    const { stream, ...rest } = body;
    const params = rest as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    let first = 0;
    if (stream) {
      for await (const chunk of await client.chat.completions.create({ ...params, stream: true })) {
        if (first === 0) first = performance.now() - begun;
        reading.add(chunk);
      }
    } else reading.add((await client.chat.completions.create(params)) as Body);
    const total = performance.now() - begun;
    return {
      first: first === 0 ? total : first,
      total,
      bytes: 0,
      said: reading.said,
      calls: reading.calls(),
    };
  };
}

async function complete(
  url: string,
  key: string,
  body: { readonly messages: readonly object[]; readonly stream: boolean },
): Promise<Completion> {
  const reading = new Reading();
  let rest = '';
  const onPiece = (piece: string): void => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data: {')) reading.add(JSON.parse(line.slice(6)) as Body);
    }
  };
  const answer = await post(
    `${url}/v1/chat/completions`,
    JSON.stringify(body),
    { authorization: `Bearer ${key}` },
    body.stream ? onPiece : undefined,
  );
  if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.text.slice(0, 500)}`);
  if (!body.stream) reading.add(JSON.parse(answer.text) as Body);
  else if (!answer.text.trimEnd().endsWith('data: [DONE]'))
    throw new Error(`the stream was cut off: ${answer.text.slice(-500)}`);
  return { ...answer, said: reading.said, calls: reading.calls() };
}

class Reading {
  said = '';
  private readonly open: { id: string; name: string; arguments: string }[] = [];

  add({ choices = [], error }: Body): void {
    if (error !== undefined) throw new Error(`an error in the answer: ${error.message ?? 'without words'}`);
    for (const { delta, message } of choices) {
      const piece = delta ?? message ?? {};
      this.said += piece.content ?? '';
      for (const [position, each] of (piece.tool_calls ?? []).entries()) {
        const call = (this.open[each.index ?? position] ??= { id: '', name: '', arguments: '' });
        call.id ||= each.id ?? '';
        call.name += each.function?.name ?? '';
        call.arguments += each.function?.arguments ?? '';
      }
    }
  }

  calls(): readonly Call[] {
    return this.open.map(({ id, ...called }) => ({ id, type: 'function', function: called }));
  }
}
