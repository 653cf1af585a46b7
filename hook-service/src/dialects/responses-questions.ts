import type { NativeReplies } from '../core/approvals';
import type { OwnQuestion } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { idOf, inputItems, typeOf } from './responses-items';

/**
 * Questions about calls as the Responses API has them for hosted MCP servers: `mcp_approval_request` in an answer,
 * `mcp_approval_response` in the next request (https://platform.openai.com/docs/guides/tools-connectors-mcp#approvals).
 */
const ours = /^mcpr_toolturn_([2-9A-Z]{6})_(\d{1,4})$/;

const idFor = (code: string, position: number): string => `mcpr_toolturn_${code}_${position}`;

/** The items that ask about calls. */
export function questionItems({ code, calls }: OwnQuestion): JsonObject[] {
  return calls.map((call, position) => ({
    id: idFor(code, position),
    type: 'mcp_approval_request',
    server_label: call.server,
    name: call.tool,
    arguments: call.arguments,
  }));
}

/** True for an item that asks or answers in our name: no provider may see it. */
export function isQuestion(item: Json | undefined): boolean {
  return ours.test(idOf(item) ?? '') || ours.test(answeredId(item));
}

/** The code of the question among these items. */
export function questionCode(items: readonly Json[]): string | undefined {
  return items.map((item) => ours.exec(idOf(item) ?? '')?.[1]).findLast((code) => code !== undefined);
}

/** What a request answers to a question, by the positions of its calls; undefined where it does not. */
export function approvalReplies(body: JsonObject, code: string): NativeReplies | undefined {
  const replies = inputItems(body).flatMap((item) => {
    const [, of, position] = ours.exec(answeredId(item)) ?? [];
    if (of !== code || !isJsonObject(item)) return [];
    const { approve, reason } = item;
    const words = typeof reason === 'string' && reason.trim() !== '' ? { reason } : {};
    return [[Number(position), { approve: approve === true, ...words }] as const];
  });
  return replies.length === 0 ? undefined : new Map(replies);
}

function answeredId(item: Json | undefined): string {
  const id =
    isJsonObject(item) && typeOf(item) === 'mcp_approval_response' ? item['approval_request_id'] : '';
  return typeof id === 'string' ? id : '';
}
