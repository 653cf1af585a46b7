/**
 * The model of the demonstration: it has no knowledge of its own. It asks for the file that the user names and
 * then quotes the word it finds in the tool's answer, so a right answer proves that the tool really ran.
 */
import { messagesOf, toolNamesOf } from './chat-request';
import { harmlessCall, tryOutStart } from './harmless-call';
import type { ModelRequest, PlainReply } from './scripted-reply';

/** What a file must say for the demo model to find the word in it. */
export function secretSentence(word: string): string {
  return `The secret word is "${word}".\n`;
}

/** Answers one chat request as the demo model does. */
export function demoAnswer(request: ModelRequest): PlainReply {
  const messages = messagesOf(request);
  const last = messages.at(-1);
  if (last?.role === 'tool') return { text: quote(last.text) };

  const question = messages.filter((message) => message.role === 'user').at(-1)?.text ?? '';
  if (question.startsWith(tryOutStart)) {
    const call = harmlessCall(request);
    return call === undefined
      ? { text: 'I see no tool that I could try without knowing more.' }
      : { text: '', toolCalls: [call] };
  }
  const tools = toolNamesOf(request);
  // The newer name first: the file server keeps read_file only for old clients.
  const tool = [/(^|__)read_text_file$/, /(^|__)read_file$/]
    .map((name) => tools.find((each) => name.test(each)))
    .find((found) => found !== undefined);
  if (tool === undefined) return { text: 'I have no tool that reads files, so I cannot know.' };
  // In quotes a path may hold spaces.
  const path = /"(\/[^"]+)"/.exec(question)?.[1] ?? /\/[^\s?"'`]+/.exec(question)?.[0];
  if (path === undefined) {
    return {
      text: 'Hello from the demo model. Name a file by its full path and I will read it with a tool.',
    };
  }
  return { text: 'I will look into the file.', toolCalls: [{ name: tool, arguments: { path } }] };
}

function quote(toolText: string): string {
  const word = /secret word is \\?"([^"\\]+)/i.exec(toolText)?.[1];
  if (word !== undefined) return `The secret word in the file is "${word}".`;
  return `The file says: ${toolText.trim()}`;
}
