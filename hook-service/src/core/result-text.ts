import type { ContentPart, FailureKind, ToolResult } from './ports';

/**
 * What the model reads of a result, as text: the text parts as they are, a short note for what text cannot carry,
 * and structured content only where there is no text. `beside` holds the parts that go along with the text.
 */
export function resultText(
  result: ToolResult,
  toolName: string,
  beside: { has(part: ContentPart): boolean } = new Set(),
): string {
  const parts = result.content.map((part) => partText(part, beside.has(part))).filter((text) => text !== '');
  const joined =
    parts.length > 0 || result.structured === undefined
      ? parts.join('\n')
      : JSON.stringify(result.structured);
  return joined === '' ? emptyText(result.failure, toolName) : joined;
}

function emptyText(failure: FailureKind | undefined, toolName: string): string {
  return failure === undefined
    ? `The tool ${toolName} finished without any output.`
    : `The tool ${toolName} reported an error without any details.`;
}

function partText(part: ContentPart, beside: boolean): string {
  switch (part.type) {
    case 'text':
      return part.text;
    case 'image':
    case 'audio': {
      // Not every dialect can carry it, and which one does is not known here.
      const where = beside ? 'beside this text if it can be shown here' : 'not shown here';
      return `[${part.type} ${part.mimeType}, ${Math.floor((part.data.length * 3) / 4)} bytes, ${where}]`;
    }
    case 'resource_link':
      return `[resource ${part.name ?? part.uri}: ${part.uri}]`;
    case 'resource':
      return part.text ?? `[resource ${part.uri}, ${part.mimeType ?? 'binary'}, not shown here]`;
    case 'unknown':
      return `[content of kind ${part.kind.slice(0, 40)}, not shown here]`;
  }
}

/** How the rest of a text that was cut can be read. */
export interface Rest {
  /** The name under which `read_more` was offered. */
  readonly tool: string;
  readonly handle: string;
  /** How many bytes from the beginning were kept. */
  readonly kept: number;
}

/**
 * Cuts a text to `maxBytes` of UTF-8, at a character, and says so, so that the model knows that something is missing.
 * `keep` keeps the whole text and says how to get at it; undefined when that is not possible.
 */
export async function cutText(
  text: string,
  maxBytes: number,
  keep: (whole: Uint8Array) => Promise<Rest | undefined>,
): Promise<CutText> {
  if (text.length * 3 <= maxBytes) return { shown: text };
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return { shown: text };
  const end = characterEnd(bytes, maxBytes);
  const rest = await keep(bytes);
  const note = `[cut here: ${end} of ${bytes.length} bytes shown${restNote(end, bytes.length, rest)}]`;
  return { shown: bytes.toString('utf8', 0, end), note };
}

/** What the model reads of a text: the tool's words, and behind them ours. */
export interface CutText {
  readonly shown: string;
  /** Absent: nothing was cut. */
  readonly note?: string;
}

/** The text as a whole. */
export const joinedText = ({ shown, note }: CutText): string =>
  note === undefined ? shown : `${shown}\n${note}`;

function restNote(end: number, total: number, rest: Rest | undefined): string {
  if (rest === undefined) return '';
  const lost = rest.kept < total ? `; what lies behind byte ${rest.kept} was not kept` : '';
  return `; ${nextPiece(rest.tool, rest.handle, end)}${lost}`;
}

const withHandle = ' with handle "';

/** How to ask for the piece of a text that begins at `offset`. */
export function nextPiece(tool: string, handle: string, offset: number): string {
  return `for the next piece call ${tool}${withHandle}${handle}" and offset ${offset}`;
}

/** True for the JSON of a conversation with a result in it that says how to read on. */
export function holdsNextPiece(json: string): boolean {
  return json.includes(JSON.stringify(withHandle).slice(1, -1));
}

/** The last place up to `at` where no character is cut in two. */
export function characterEnd(bytes: Uint8Array, at: number): number {
  let end = Math.min(at, bytes.length);
  while (end > 0 && end < bytes.length && isInside(bytes[end])) end -= 1;
  return end;
}

/** The first place from `at` on where a character begins. */
export function characterStart(bytes: Uint8Array, at: number): number {
  let start = at;
  while (start < bytes.length && isInside(bytes[start])) start += 1;
  return start;
}

/** True for the second and further bytes of a character in UTF-8. */
function isInside(byte: number | undefined): boolean {
  return ((byte ?? 0) & 0xc0) === 0x80;
}
