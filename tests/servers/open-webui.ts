/** Asks as Open WebUI does, and reads the stream that it would show. */
import type { Stack } from '../support/stack';
import { all, postSse } from '../support/sse';

/**
 * What Open WebUI sends to an OpenAI-compatible backend: its metadata stays with it (`metadata` is taken out of the
 * body), who asks goes into headers where ENABLE_FORWARD_USER_INFO_HEADERS is set, usage is asked for where the model
 * has that capability (open_webui/routers/openai.py, open_webui/utils/headers.py).
 */
const headers = {
  'user-agent': 'Python/3.11 aiohttp/3.12.15',
  accept: '*/*',
  'x-openwebui-user-name': 'Ada L%C3%B3pez',
  'x-openwebui-user-id': '5f0c8a52-6f6e-4a3e-9c11-0b3a35f0a0d7',
  'x-openwebui-user-email': 'ada@lan.example',
  'x-openwebui-user-role': 'user',
  'x-openwebui-chat-id': 'c2b1f8f0-93b1-4a55-8f0e-6f4d8b7a3a10',
};

/** A chunk of its stream. */
export interface Chunk {
  readonly id: string;
  readonly choices: readonly {
    readonly delta: {
      readonly role?: string;
      readonly content?: string | null;
      readonly tool_calls?: unknown;
    };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { readonly total_tokens: number } | null;
}

/** What came of it: the chunks, their text, and the line at the end. */
export interface Shown {
  readonly status: number;
  readonly chunks: readonly Chunk[];
  readonly text: string;
  readonly last: string;
}

/** Sends a conversation, streaming. */
export async function askAsOpenWebUi(stack: Stack, messages: readonly object[]): Promise<Shown> {
  const { status, events } = await postSse(
    `${stack.url}/v1/chat/completions`,
    'sk-test-openwebui',
    { stream: true, model: 'demo', messages, temperature: 0.7, stream_options: { include_usage: true } },
    headers,
  );
  const data = (await all(events)).map((event) => event.data);
  const chunks = data.slice(0, -1).map((text) => JSON.parse(text) as Chunk);
  const text = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? '')).join('');
  return { status, chunks, text, last: data.at(-1) ?? '' };
}
