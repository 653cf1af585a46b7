import type { ShownWork } from '../core/dialect';
import type { Json, JsonObject } from '../core/json';
import type { HostTool } from '../core/ports';
import { callsIn, type Work, type WorkCall, type WorkResult } from '../core/work';
import { noteLines, notesOf } from '../core/work-note';
import { idOf, isCall } from './responses-items';

/**
 * Tool work in the Responses API. Notes are the summary of a reasoning item of ours; native items are those of hosted
 * MCP servers (https://platform.openai.com/docs/guides/tools-connectors-mcp).
 */

const ours = /^(?:rs|mcp|mcpl)_toolturn_/;

/** True for an item that we made of tool work, and for a reference to one. */
export const isOurs = (item: Json | undefined): boolean => ours.test(idOf(item) ?? '');

/** The id of the call itself, where a native item is turned into one. */
export const callIdFor = (itemId: string): string => `call_${itemId.slice('mcp_'.length)}`;

const idFor = (kind: 'rs' | 'mcp' | 'mcpl', turn: string, number: number): string =>
  `${kind}_toolturn_${turn}_${number}`;

const noteItem = (id: string, text: string): JsonObject => ({
  id,
  type: 'reasoning',
  summary: [{ type: 'summary_text', text }],
});

const listItem = (turn: string, number: number, server: string, tools: readonly HostTool[]): JsonObject => ({
  id: idFor('mcpl', turn, number),
  type: 'mcp_list_tools',
  server_label: server,
  tools: tools.map((tool) => ({
    name: tool.tool,
    description: tool.description ?? null,
    input_schema: tool.inputSchema,
    annotations: tool.annotations ?? null,
  })),
});

function callItem(turn: string, call: WorkCall, result?: WorkResult): JsonObject {
  const failed = result?.failure !== undefined;
  return {
    id: idFor('mcp', turn, call.number),
    type: 'mcp_call',
    server_label: call.server,
    name: call.tool,
    arguments: call.arguments,
    output: result === undefined || failed ? null : result.text,
    error: result !== undefined && failed ? result.text : null,
    status: result === undefined ? 'in_progress' : failed ? 'failed' : 'completed',
    approval_request_id: null,
  };
}

/** The items of a round with its tool work. Calls that the client has to run stand last. */
export function withWork(
  items: readonly JsonObject[],
  shown: ShownWork | undefined,
  round: number,
): readonly JsonObject[] {
  const work = shown?.rounds[round] ?? [];
  if (shown === undefined || work.length === 0) return items;
  const calls = items.filter(isCall);
  return [...items.filter((item) => !isCall(item)), ...workItems(shown, work, round), ...calls];
}

function workItems({ turn, surface }: ShownWork, work: readonly Work[], round: number): JsonObject[] {
  if (surface !== 'native') {
    const text = noteLines('', notesOf(work));
    return text === '' ? [] : [noteItem(idFor('rs', turn, round), text)];
  }
  const lists = work.flatMap((each) =>
    each.type === 'listed' ? [listItem(turn, each.number, each.server, each.tools)] : [],
  );
  return [...lists, ...callsIn(work).map(({ call, result }) => callItem(turn, call, result))];
}

export interface WorkItemsOptions {
  readonly turn: string;
  readonly native: boolean;
  /** Gives the client's next index; the item there is asked for when the answer ends. */
  readonly place: (item: () => JsonObject) => number;
}

/** Writes tool work into a stream, without sequence numbers. Notes one behind the other stand in one item. */
export class WorkItems {
  private note: { readonly item_id: string; readonly output_index: number; text: string } | undefined;
  private notes = 0;
  /** The calls that are shown, by their numbers. */
  private readonly items = new Map<number, JsonObject>();
  private readonly places = new Map<number, number>();

  constructor(private readonly options: WorkItemsOptions) {}

  show(work: Work): JsonObject[] {
    if (!this.options.native) return this.noted(work);
    switch (work.type) {
      case 'listed':
        return this.list(listItem(this.options.turn, work.number, work.server, work.tools));
      case 'started':
        return this.begin(work.call);
      case 'finished':
        return this.end(work.call, work.result);
      case 'progress':
        return [];
    }
  }

  /** Ends the note that is open, since something else begins. */
  close(): JsonObject[] {
    const { note } = this;
    if (note === undefined) return [];
    this.note = undefined;
    const { item_id, output_index, text } = note;
    const within = { item_id, output_index, summary_index: 0 };
    return [
      { type: 'response.reasoning_summary_text.done', ...within, text },
      { type: 'response.reasoning_summary_part.done', ...within, part: { type: 'summary_text', text } },
      { type: 'response.output_item.done', output_index, item: noteItem(item_id, text) },
    ];
  }

  private noted(work: Work): JsonObject[] {
    const delta = noteLines('', notesOf([work]));
    if (delta === '') return [];
    const begun = this.note === undefined ? this.beginNote() : [];
    const { note } = this;
    if (note === undefined) return [];
    note.text += delta;
    const { item_id, output_index } = note;
    const within = { item_id, output_index, summary_index: 0 };
    return [...begun, { type: 'response.reasoning_summary_text.delta', ...within, delta }];
  }

  private beginNote(): JsonObject[] {
    const item_id = idFor('rs', this.options.turn, this.notes++);
    const output_index = this.options.place(() => noteItem(item_id, note.text));
    const note = { item_id, output_index, text: '' };
    this.note = note;
    const part = { type: 'summary_text', text: '' };
    return [
      { type: 'response.output_item.added', output_index, item: { ...noteItem(item_id, ''), summary: [] } },
      { type: 'response.reasoning_summary_part.added', item_id, output_index, summary_index: 0, part },
    ];
  }

  private list(item: JsonObject): JsonObject[] {
    const output_index = this.options.place(() => item);
    const at = { item_id: item['id'], output_index };
    return [
      { type: 'response.output_item.added', output_index, item: { ...item, tools: [] } },
      { type: 'response.mcp_list_tools.in_progress', ...at },
      { type: 'response.mcp_list_tools.completed', ...at },
      { type: 'response.output_item.done', output_index, item },
    ];
  }

  private begin(call: WorkCall): JsonObject[] {
    const item = callItem(this.options.turn, call);
    const output_index = this.options.place(() => this.items.get(call.number) ?? item);
    this.items.set(call.number, item);
    this.places.set(call.number, output_index);
    const at = { item_id: item['id'], output_index };
    return [
      { type: 'response.output_item.added', output_index, item: { ...item, arguments: '' } },
      { type: 'response.mcp_call.in_progress', ...at },
      { type: 'response.mcp_call_arguments.delta', ...at, delta: call.arguments },
      { type: 'response.mcp_call_arguments.done', ...at, arguments: call.arguments },
    ];
  }

  private end(call: WorkCall, result: WorkResult): JsonObject[] {
    const output_index = this.places.get(call.number);
    if (output_index === undefined) return [];
    const item = callItem(this.options.turn, call, result);
    this.items.set(call.number, item);
    const type = `response.mcp_call.${result.failure === undefined ? 'completed' : 'failed'}`;
    return [
      { type, item_id: item['id'], output_index },
      { type: 'response.output_item.done', output_index, item },
    ];
  }
}
