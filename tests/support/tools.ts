import type { ModelRequest } from '../../scripts/src/scripted-model';

/** The messages of a chat request as the scripted model received it. */
export function messagesOf(request: ModelRequest | undefined): Record<string, any>[] {
  return (request?.body['messages'] ?? []) as Record<string, any>[];
}

/** Names of the tools that came with a request. */
export function toolNames(request: ModelRequest | undefined): string[] {
  const tools = (request?.body['tools'] ?? []) as { function?: { name: string } }[];
  return tools.map((tool) => tool.function?.name ?? '');
}

/** How many rounds of the present turn lie behind this request: tool messages after the last user message, grouped. */
export function roundsBehind(request: ModelRequest): number {
  const messages = messagesOf(request);
  const from = messages.map((message) => message['role']).lastIndexOf('user');
  return messages.slice(from + 1).filter((message) => message['role'] === 'assistant').length;
}

/** The contents of the tool messages at the end of a request. */
export function lastResults(request: ModelRequest): string[] {
  const messages = messagesOf(request);
  const from = messages.map((message) => message['role']).lastIndexOf('assistant');
  return messages.slice(from + 1).map((message) => String(message['content']));
}
