/** One real turn through the whole stack, with a question that only a tool can answer. */
import { randomInt } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secretSentence } from './demo-model';
import { isRecord, parseRecord } from './json';
import { secretDir } from './paths';
import { sseData } from './sse';

/** A word that nobody can guess and that stands in one file only. */
export interface SecretFile {
  readonly path: string;
  readonly word: string;
  remove(): void;
}

const birds = [
  'heron',
  'kestrel',
  'plover',
  'curlew',
  'siskin',
  'avocet',
  'dunlin',
  'wryneck',
  'fulmar',
  'whimbrel',
];

/** Writes a new secret word into the folder behind the sample's file server. */
export function writeSecret(litellmPort: number): SecretFile {
  const word = `${birds[randomInt(birds.length)]}-${randomInt(100_000, 1_000_000)}`;
  const dir = secretDir(litellmPort);
  const path = join(dir, 'secret.txt');
  mkdirSync(dir, { recursive: true });
  writeFileSync(path, secretSentence(word));
  return { path, word, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** The question of the demonstration. */
export function question(path: string): string {
  return `Which secret word stands in ${/\s/.test(path) ? `"${path}"` : path}?`;
}

export interface TurnReport {
  readonly answer: string;
  readonly finishReason?: string;
  readonly ms: number;
  /** Until the first text. */
  readonly firstTextMs?: number;
  /** True when a tool call or its end reached the client: it never may. */
  readonly leaked: boolean;
  readonly error?: string;
  /** What hook-service remembers of the turn. */
  readonly record?: TurnRecord;
}

export interface TurnRecord {
  readonly rounds: number;
  readonly calls: readonly { tool: string; server?: string; ms?: number; failure?: string }[];
  readonly ms: number;
  readonly end: string;
}

/** Asks through LiteLLM, streaming, as any client would, and hands each piece of text to `write`. */
export async function runTurn(options: {
  litellmUrl: string;
  key: string;
  model: string;
  question: string;
  hookServiceUrl: string;
  secret: string;
  headers?: Readonly<Record<string, string>>;
  write: (text: string) => void;
}): Promise<TurnReport> {
  const from = performance.now();
  const response = await fetch(`${options.litellmUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.key}`,
      'content-type': 'application/json',
      ...options.headers,
    },
    body: JSON.stringify({
      model: options.model,
      stream: true,
      messages: [{ role: 'user', content: options.question }],
    }),
    signal: AbortSignal.timeout(120_000),
  });
  let answer = '';
  let finishReason: string | undefined;
  let firstTextMs: number | undefined;
  let leaked = false;
  let error = response.ok ? undefined : `HTTP ${response.status}: ${(await response.text()).slice(0, 500)}`;
  if (response.ok && response.body !== null) {
    for await (const data of sseData(response.body)) {
      const chunk = parseRecord(data);
      if (chunk === undefined) continue; // [DONE]
      if (chunk.error !== undefined) error = JSON.stringify(chunk.error).slice(0, 500);
      const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
      if (!isRecord(choice)) continue;
      const delta = isRecord(choice.delta) ? choice.delta : {};
      if (Array.isArray(delta.tool_calls) && delta.tool_calls.length > 0) leaked = true;
      if (typeof choice.finish_reason === 'string') finishReason = choice.finish_reason;
      if (typeof delta.content === 'string' && delta.content !== '') {
        firstTextMs ??= performance.now() - from;
        answer += delta.content;
        options.write(delta.content);
      }
    }
  }
  const ms = performance.now() - from;
  const record = await recordOf(response.headers.get('x-litellm-call-id'), options);
  return {
    answer,
    ms,
    leaked: leaked || finishReason === 'tool_calls',
    ...(finishReason === undefined ? {} : { finishReason }),
    ...(firstTextMs === undefined ? {} : { firstTextMs }),
    ...(error === undefined ? {} : { error }),
    ...(record === undefined ? {} : { record }),
  };
}

async function recordOf(
  callId: string | null,
  { hookServiceUrl, secret }: { hookServiceUrl: string; secret: string },
): Promise<TurnRecord | undefined> {
  if (callId === null) return undefined;
  const response = await fetch(`${hookServiceUrl}/turns/${encodeURIComponent(callId)}`, {
    headers: { 'x-toolturn-secret': secret },
    signal: AbortSignal.timeout(5_000),
  });
  const body = parseRecord(await response.text());
  if (!response.ok || body === undefined) return undefined;
  const calls = Array.isArray(body.calls) ? body.calls.filter(isRecord) : [];
  return {
    rounds: Number(body.rounds),
    ms: Number(body.ms),
    end: String(body.end),
    calls: calls.map((call) => ({
      tool: String(call.tool ?? call.name),
      ...(typeof call.server === 'string' ? { server: call.server } : {}),
      ...(typeof call.ms === 'number' ? { ms: call.ms } : {}),
      ...(typeof call.failure === 'string' ? { failure: call.failure } : {}),
    })),
  };
}
