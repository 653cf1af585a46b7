import type { ShownWork } from '../core/dialect';
import type { JsonObject } from '../core/json';
import type { Surface } from '../core/surface';
import { argumentsOf, callsIn, type Work, type WorkCall, type WorkResult } from '../core/work';
import { noteLines, notesOf } from '../core/work-note';

/**
 * Tool work in the Messages API. Notes are thinking under a signature of ours; native items are the blocks of
 * Anthropic's MCP connector (https://docs.claude.com/en/docs/agents-and-tools/mcp-connector).
 */

const signatureBegins = 'toolturn';
const idBegins = 'mcptoolu_toolturn_';

/** A signature by which thinking of ours is known again. Letters and digits only, as in base64. */
const signatureOf = (turn: string): string => signatureBegins + turn;

export const isOurSignature = (signature: string): boolean => signature.startsWith(signatureBegins);
export const isOurId = (id: string): boolean => id.startsWith(idBegins);

/** The id of the call itself, where a native block is turned into one. */
export const callIdFor = (blockId: string): string => `toolu_${blockId.slice('mcptoolu_'.length)}`;

const idOf = (turn: string, call: WorkCall): string => `${idBegins}${turn}_${call.number}`;

function useBlock(turn: string, call: WorkCall): JsonObject {
  return {
    type: 'mcp_tool_use',
    id: idOf(turn, call),
    name: call.tool,
    input: argumentsOf(call),
    server_name: call.server,
  };
}

function resultBlock(turn: string, call: WorkCall, result: WorkResult): JsonObject {
  return {
    type: 'mcp_tool_result',
    tool_use_id: idOf(turn, call),
    is_error: result.failure !== undefined,
    content: [{ type: 'text', text: result.text }],
  };
}

/** The work of one round as blocks of a whole message. */
export function workBlocks(shown: ShownWork | undefined, round: number): JsonObject[] {
  const work = shown?.rounds[round] ?? [];
  if (shown === undefined || work.length === 0) return [];
  const { turn, surface } = shown;
  if (surface === 'native') {
    return callsIn(work).flatMap(({ call, result }) => [
      useBlock(turn, call),
      ...(result === undefined ? [] : [resultBlock(turn, call, result)]),
    ]);
  }
  const thinking = noteLines('', notesOf(work));
  return thinking === '' ? [] : [{ type: 'thinking', thinking, signature: signatureOf(turn) }];
}

/** Writes tool work into a stream. Notes that come one behind the other stand in one block of thinking. */
export class WorkBlocks {
  /** The block of thinking that is open. */
  private open: number | undefined;

  constructor(
    private readonly turn: string,
    private readonly surface: Surface | undefined,
    /** Gives the client's next index. */
    private readonly place: () => number,
  ) {}

  show(work: Work): JsonObject[] {
    if (this.surface === 'native') {
      if (work.type === 'started') return this.whole(useBlock(this.turn, work.call));
      return work.type === 'finished' ? this.whole(resultBlock(this.turn, work.call, work.result)) : [];
    }
    const thinking = noteLines('', notesOf([work]));
    if (thinking === '') return [];
    const begin = this.open === undefined;
    const index = (this.open ??= this.place());
    return [
      ...(begin
        ? [
            {
              type: 'content_block_start',
              index,
              content_block: { type: 'thinking', thinking: '', signature: '' },
            },
          ]
        : []),
      { type: 'content_block_delta', index, delta: { type: 'thinking_delta', thinking } },
    ];
  }

  /** Ends what is open, since something else begins. */
  close(): JsonObject[] {
    const index = this.open;
    if (index === undefined) return [];
    this.open = undefined;
    const delta = { type: 'signature_delta', signature: signatureOf(this.turn) };
    return [
      { type: 'content_block_delta', index, delta },
      { type: 'content_block_stop', index },
    ];
  }

  /** Whole at its beginning: not every client reads pieces of the input of such a block. */
  private whole(content_block: JsonObject): JsonObject[] {
    const index = this.place();
    return [
      { type: 'content_block_start', index, content_block },
      { type: 'content_block_stop', index },
    ];
  }
}
