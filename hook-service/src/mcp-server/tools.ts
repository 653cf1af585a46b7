import type { OfferedTool } from '../core/dialect';
import type { ContentPart, ToolResult } from '../core/ports';
import type { JsonObject } from '../core/json';

/** A tool as `tools/list` names it. */
export function toolDefinition({ name, host }: OfferedTool): JsonObject {
  return {
    name,
    ...(host.title === undefined ? {} : { title: host.title }),
    ...(host.description === undefined ? {} : { description: host.description }),
    inputSchema: host.inputSchema,
    ...(host.outputSchema === undefined ? {} : { outputSchema: host.outputSchema }),
    ...(host.annotations === undefined ? {} : { annotations: host.annotations }),
  };
}

/** The answer to `tools/call`: the server's own result as it came, or a failure of ours in its form. */
export function callResult(result: ToolResult): JsonObject {
  // A result can count as an error here that its server does not call one.
  const failed = result.failure === undefined ? {} : { isError: true };
  if (result.whole !== undefined) return { ...withContent(result.whole), ...failed };
  return {
    content: result.content.map(block),
    ...(result.structured === undefined ? {} : { structuredContent: result.structured }),
    ...failed,
  };
}

/** The protocol wants `content`, and servers of 2024-10-07 do not send it. */
function withContent(whole: JsonObject): JsonObject {
  if (Array.isArray(whole['content'])) return whole;
  const old = whole['toolResult'];
  const text = typeof old === 'string' ? old : JSON.stringify(old ?? whole['structuredContent'] ?? null);
  return { ...whole, content: old === undefined && text === 'null' ? [] : [{ type: 'text', text }] };
}

/** A part as it was parsed, back in the protocol's form. */
function block(part: ContentPart): JsonObject {
  switch (part.type) {
    case 'text':
    case 'image':
    case 'audio':
    case 'resource_link':
      return { ...part };
    case 'resource': {
      const { type, ...resource } = part;
      return { type, resource };
    }
    case 'unknown':
      return { type: 'text', text: `[a part of type ${part.kind}]` };
  }
}
