import type { ToolCall } from '../core/dialect';
import type { JsonObject } from '../core/json';
import { CallReader, callIn } from './generate-content-parts';

/** What one round of a stream has come to so far. */
export class RoundState {
  text = '';
  usage: JsonObject | undefined;
  readonly parts: JsonObject[] = [];
  private readonly reader: CallReader;

  constructor(turn: string, roundNumber: number) {
    this.reader = new CallReader(turn, roundNumber);
  }

  get calls(): readonly ToolCall[] {
    return this.reader.calls;
  }

  /** Adds a part; pieces of plain text, or of thoughts, become one. Parts with a signature are never joined. */
  push(part: JsonObject): ToolCall | undefined {
    const last = this.parts.at(-1);
    const [before, more] = [plainText(last), plainText(part)];
    if (before !== undefined && more !== undefined && last?.['thought'] === part['thought']) {
      this.parts[this.parts.length - 1] = { ...last, text: before + more };
    } else {
      this.parts.push(part);
    }
    return callIn(part) === undefined ? undefined : this.reader.push(part);
  }
}

/** The text of a part that holds nothing else. */
function plainText(part: JsonObject | undefined): string | undefined {
  const text = part?.['text'];
  const plain = Object.keys(part ?? {}).every((name) => name === 'text' || name === 'thought');
  return plain && typeof text === 'string' ? text : undefined;
}
