import { isJsonObject, type Json, type JsonObject } from '../core/json';

/**
 * Puts `thinking_blocks` together from stream pieces: text is appended to the open block until its signature
 * arrives, which closes it; redacted blocks come whole. The provider refuses a block that was changed.
 */
export class ThinkingAssembler {
  private readonly blocks: JsonObject[] = [];
  private open: { thinking: string; rest: JsonObject } | undefined;

  push(pieces: Json | undefined): void {
    if (!Array.isArray(pieces)) return;
    for (const piece of pieces.filter(isJsonObject)) this.add(piece);
  }

  /** `{ thinking_blocks }` for the assistant's message, or nothing. */
  field(): JsonObject {
    this.close(undefined);
    return this.blocks.length === 0 ? {} : { thinking_blocks: this.blocks };
  }

  private add(piece: JsonObject): void {
    if (piece['type'] !== 'thinking') {
      this.close(undefined);
      this.blocks.push(piece);
      return;
    }
    const { thinking, signature, ...rest } = piece;
    this.open ??= { thinking: '', rest };
    if (typeof thinking === 'string') this.open.thinking += thinking;
    if (typeof signature === 'string' && signature !== '') this.close(signature);
  }

  private close(signature: string | undefined): void {
    if (this.open === undefined) return;
    const { thinking, rest } = this.open;
    this.blocks.push({ ...rest, thinking, ...(signature === undefined ? {} : { signature }) });
    this.open = undefined;
  }
}
