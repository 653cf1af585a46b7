import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../core/json';
import type { ContentPart, ToolResult } from '../core/ports';

const text = z.object({ text: z.string() });
const media = z.object({ data: z.string(), mimeType: z.string() });
const link = z.object({
  uri: z.string(),
  name: z.string().optional().catch(undefined),
  description: z.string().optional().catch(undefined),
  mimeType: z.string().optional().catch(undefined),
});
const resource = z.object({
  resource: z.object({
    uri: z.string(),
    mimeType: z.string().optional().catch(undefined),
    text: z.string().optional().catch(undefined),
    blob: z.string().optional().catch(undefined),
  }),
});

/** Longest list of parts that is kept of one result; a server could send millions of empty ones. */
const partLimit = 10_000;

/**
 * The outcome of a call that the server answered with a result. Never throws: what is not understood becomes
 * `{type: 'unknown'}`, and structured content is kept whether or not it matches the tool's output schema.
 */
export function readCallResult(value: unknown): ToolResult {
  if (!isJsonObject(value)) return { content: [{ type: 'unknown', kind: typeof value }] };
  const blocks: unknown = value['content'] ?? legacyResult(value);
  const content = Array.isArray(blocks) ? readParts(blocks) : [];
  const structured = value['structuredContent'];
  return {
    ...(value['isError'] === true ? { failure: 'tool_error' as const } : {}),
    content,
    ...(isJsonObject(structured) ? { structured } : {}),
  };
}

/** Servers of 2024-10-07 answer with `toolResult` alone. */
function legacyResult(value: JsonObject): unknown {
  const result = value['toolResult'];
  if (result === undefined) return undefined;
  return [{ type: 'text', text: typeof result === 'string' ? result : JSON.stringify(result) }];
}

function readParts(blocks: readonly unknown[]): ContentPart[] {
  const parts = blocks.slice(0, partLimit).map(readPart);
  const left = blocks.length - parts.length;
  if (left > 0) parts.push({ type: 'text', text: `[${left} more parts of this result were left out]` });
  return parts;
}

function readPart(block: unknown): ContentPart {
  if (!isJsonObject(block)) return { type: 'unknown', kind: block === null ? 'null' : typeof block };
  const kind = typeof block['type'] === 'string' ? block['type'] : 'untyped';
  return knownPart(kind, block) ?? { type: 'unknown', kind: kind.slice(0, 100) };
}

function knownPart(kind: string, block: JsonObject): ContentPart | undefined {
  switch (kind) {
    case 'text': {
      const part = text.safeParse(block);
      return part.success ? { type: 'text', text: part.data.text } : undefined;
    }
    case 'image':
    case 'audio': {
      const part = media.safeParse(block);
      return part.success ? { type: kind, ...part.data } : undefined;
    }
    case 'resource_link': {
      const part = link.safeParse(block);
      return part.success ? { type: kind, ...defined(part.data) } : undefined;
    }
    case 'resource': {
      const part = resource.safeParse(block);
      return part.success ? { type: kind, ...defined(part.data.resource) } : undefined;
    }
    default:
      return undefined;
  }
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Drops the fields that are undefined. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
