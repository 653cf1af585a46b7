import { z } from 'zod';
import { logFailure } from '../core/failure-policy';
import type { JsonObject } from '../core/json';
import type { HostTool, Log } from '../core/ports';
import type { ServerConfig } from '../core/servers';

const definition = z.object({
  // Control, format and other invisible characters could make one name look like another.
  name: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[^\p{C}]+$/u, 'holds invisible characters'),
  title: z.string().optional().catch(undefined),
  description: z.string().optional(),
  inputSchema: z.looseObject({ type: z.literal('object') }),
  execution: z.object({ taskSupport: z.string().optional() }).optional(),
});

const annotations = z.looseObject({
  readOnlyHint: z.boolean().optional(),
  destructiveHint: z.boolean().optional(),
  idempotentHint: z.boolean().optional(),
  openWorldHint: z.boolean().optional(),
});

/** Largest definition of one tool, in characters of JSON, and most tools of one server. */
const limits = { definition: 200_000, tools: 2_000 };

/** Says that a tool is left out. */
export const notOffered = (
  log: Log,
  about: { readonly server: string; readonly tool: string; readonly reason: string },
): void => logFailure(log, 'toolMalformed', 'malformed', about, about);

/**
 * The tools of a listing that may be offered, sorted by name so that a model's prompt stays the same. Each tool
 * stands alone: a bad one is dropped with a warning and costs none of the others.
 */
export function readTools(server: ServerConfig, listed: readonly unknown[], log: Log): HostTool[] {
  const tools = new Map<string, HostTool>();
  const warn = (tool: string, reason: string) => notOffered(log, { server: server.publicName, tool, reason });
  for (const raw of listed) {
    const name = nameOf(raw);
    const read = readTool(server.publicName, raw, (reason) => warn(name, reason));
    if (read === undefined || !isAllowed(server, read.tool)) continue;
    if (tools.has(read.tool)) warn(name, 'the server lists this name twice, and the first one counts');
    else if (tools.size >= limits.tools) {
      warn(name, `the server lists more than ${limits.tools} tools`);
      break;
    } else tools.set(read.tool, read);
  }
  return [...tools.values()].sort((a, b) => (a.tool < b.tool ? -1 : 1));
}

function isAllowed(server: ServerConfig, tool: string): boolean {
  if (server.allowedTools !== undefined && !server.allowedTools.includes(tool)) return false;
  return server.disallowedTools?.includes(tool) !== true;
}

function readTool(server: string, raw: unknown, warn: (reason: string) => void): HostTool | undefined {
  const parsed = definition.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    warn(`its definition is invalid at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'unknown'}`);
    return undefined;
  }
  if (parsed.data.execution?.taskSupport === 'required') {
    warn('it can only be run as a task, which Toolturn does not do');
    return undefined;
  }
  if (sizeOf(raw) > limits.definition) {
    warn(`its definition is larger than ${limits.definition} characters`);
    return undefined;
  }
  const { name, title, description } = parsed.data;
  // From the raw value: the schema is passed on exactly as the server wrote it.
  const source = raw as { inputSchema: JsonObject; outputSchema?: unknown; annotations?: unknown };
  const hints = annotations.safeParse(source.annotations);
  return {
    server,
    tool: name,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    inputSchema: source.inputSchema,
    ...(isObjectSchema(source.outputSchema) ? { outputSchema: source.outputSchema } : {}),
    ...(hints.success ? { annotations: source.annotations as JsonObject } : {}),
  };
}

function isObjectSchema(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'object';
}

/** A tool's name for a warning, whatever it is that the server sent. */
function nameOf(raw: unknown): string {
  const name: unknown = typeof raw === 'object' && raw !== null && 'name' in raw ? raw.name : undefined;
  return typeof name === 'string' ? name.replace(/\p{C}/gu, '\uFFFD').slice(0, 128) : '(without a name)';
}

/** JSON.stringify throws on nesting that is too deep: such a definition is too large for anybody. */
function sizeOf(raw: unknown): number {
  try {
    return JSON.stringify(raw).length;
  } catch {
    return Infinity;
  }
}
