import type { ContentPart, FailureKind, ToolResult } from './ports';

/**
 * What the model reads of a result, as text: the text parts as they are, a short note for what text cannot
 * carry, structured content only where there is no text, and never more than `maxBytes` of UTF-8.
 */
export function resultText(result: ToolResult, toolName: string, maxBytes: number): string {
  const parts = result.content.map(partText).filter((text) => text !== '');
  const joined =
    parts.length > 0 || result.structured === undefined
      ? parts.join('\n')
      : JSON.stringify(result.structured);
  return cut(joined === '' ? emptyText(result.failure, toolName) : joined, maxBytes);
}

function emptyText(failure: FailureKind | undefined, toolName: string): string {
  return failure === undefined
    ? `The tool ${toolName} finished without any output.`
    : `The tool ${toolName} reported an error without any details.`;
}

function partText(part: ContentPart): string {
  switch (part.type) {
    case 'text':
      return part.text;
    case 'image':
    case 'audio':
      return `[${part.type} ${part.mimeType}, ${Math.floor((part.data.length * 3) / 4)} bytes, not shown here]`;
    case 'resource_link':
      return `[resource ${part.name ?? part.uri}: ${part.uri}]`;
    case 'resource':
      return part.text ?? `[resource ${part.uri}, ${part.mimeType ?? 'binary'}, not shown here]`;
    case 'unknown':
      return `[content of kind ${part.kind.slice(0, 40)}, not shown here]`;
  }
}

/** Cuts at a character boundary and says so, so that the model knows that something is missing. */
function cut(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}\n[cut here: ${end} of ${bytes.length} bytes shown]`;
}
