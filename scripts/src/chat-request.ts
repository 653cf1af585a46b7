/** Reads what a scripted answer needs from a chat request, without trusting its shape. */
import { isRecord } from './json';
import type { ModelRequest } from './scripted-reply';

/** One message of a chat request, as far as scripts care. */
export interface ChatMessage {
  readonly role: string;
  /** The text; parts of a content list joined; empty when there is none. */
  readonly text: string;
  readonly toolCallId?: string;
  readonly toolCalls: readonly { readonly id?: string; readonly name: string; readonly arguments: string }[];
}

/** The messages of a chat request. */
export function messagesOf(request: ModelRequest): ChatMessage[] {
  return records(request.body.messages).map((message) => ({
    role: String(message.role),
    text: textOf(message.content),
    ...(typeof message.tool_call_id === 'string' ? { toolCallId: message.tool_call_id } : {}),
    toolCalls: records(message.tool_calls).map((call) => {
      const fn = isRecord(call.function) ? call.function : {};
      return {
        ...(typeof call.id === 'string' ? { id: call.id } : {}),
        name: stringOf(fn.name),
        arguments: stringOf(fn.arguments),
      };
    }),
  }));
}

/** The names of the function tools a chat request offers, in order. */
export function toolNamesOf(request: ModelRequest): string[] {
  return records(request.body.tools).map((tool) =>
    stringOf(isRecord(tool.function) ? tool.function.name : tool.name),
  );
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return records(content)
    .map((part) => stringOf(part.text))
    .join('');
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
