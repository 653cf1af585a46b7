import { isJsonObject, type Json, type JsonObject } from './json';
import type { HostTool } from './ports';

/**
 * Requests that clients make beside the conversation: titles, tags, summaries, probes. Nobody reads tool work in
 * them, and a tool call would only slow them down.
 */
interface Rule {
  readonly name: string;
  /** Lower case: all of them stand in every request that fits; absent: its text does not matter. */
  readonly words?: readonly string[];
  readonly fits: (request: SideView) => boolean;
}

/** What the rules look at. */
interface SideView {
  readonly maxTokens: number | undefined;
  readonly system: string;
  readonly asked: string;
}

/** Answers of so few tokens hold no tool work. */
export const fewTokens = 16;

const rules: readonly Rule[] = [
  {
    name: 'a probe: the answer may be a few tokens long only (Claude Code asks with max_tokens 1 whether a key works)',
    fits: ({ maxTokens }) => maxTokens !== undefined && maxTokens <= fewTokens,
  },
  {
    name: 'Open WebUI: title, tags, follow-ups, search queries and the like',
    words: ['### task:'],
    fits: ({ asked }) =>
      /^\s*### Task:\s/.test(asked) && /### (?:Output|Guidelines|Chat History)|<chat_history>/.test(asked),
  },
  {
    name: 'Claude Code: topic of a conversation',
    words: ['analyze if this message indicates a new conversation topic'],
    fits: ({ system }) => /Analyze if this message indicates a new conversation topic/.test(system),
  },
  {
    name: 'Claude Code: title of a conversation',
    words: ['generate a ', ' title'],
    fits: ({ system }) => /Generate a (?:concise|succinct|short)[^.]{0,40} title/i.test(system),
  },
  {
    name: 'Claude Code: title of a conversation before',
    words: ['please write a 5-10 word title'],
    fits: ({ asked }) => /^Please write a 5-10 word title/.test(asked),
  },
  {
    name: 'LibreChat: title of a conversation',
    words: ['provide a concise, 5-word-or-less title for the conversation'],
    fits: ({ asked, system }) =>
      /Provide a concise, 5-word-or-less title for the conversation/.test(`${system}\n${asked}`),
  },
];

/** The rule by which a request is one beside the conversation; undefined for the conversation itself. */
export function sideRequest(body: JsonObject, asked: string): string | undefined {
  const view: SideView = { maxTokens: maxTokensOf(body), system: systemText(body), asked };
  const text = `${view.system}\n${asked}`.toLowerCase();
  return rules.find(({ words = [], fits }) => words.every((each) => text.includes(each)) && fits(view))?.name;
}

/** Without all words of one of these lists, and with an answer of more than few tokens, a request is none beside the conversation. */
export const sideWords: readonly (readonly string[])[] = rules.flatMap(({ words }) =>
  words === undefined ? [] : [words],
);

function maxTokensOf(body: JsonObject): number | undefined {
  const generation = body['generationConfig'];
  const values = [
    body['max_completion_tokens'],
    body['max_tokens'],
    body['max_output_tokens'],
    isJsonObject(generation) ? generation['maxOutputTokens'] : undefined,
  ];
  return values.find((value) => typeof value === 'number');
}

/** The system prompt, wherever the dialect has it. */
function systemText(body: JsonObject): string {
  const messages = Array.isArray(body['messages']) ? body['messages'] : [];
  const first = messages.find((message) => isJsonObject(message) && message['role'] === 'system');
  const places = [
    isJsonObject(first) ? first['content'] : undefined,
    body['system'],
    body['instructions'],
    body['systemInstruction'],
  ];
  return places.map(textIn).join('\n');
}

function textIn(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(textIn).join('\n');
  if (!isJsonObject(value)) return '';
  return textIn(value['text'] ?? value['parts']);
}

/** The names under which a client that is connected to the same MCP server may list a tool itself. */
export function namesByClients({ server, tool }: Pick<HostTool, 'server' | 'tool'>): readonly string[] {
  return [
    `mcp__${server}__${tool}`, // Claude Code
    `${server}__${tool}`, // Codex CLI, Gemini CLI on a clash
    `${server}-${tool}`, // LiteLLM
    `${server}_${tool}`, // Open WebUI's mcpo, n8n
    `mcp_${server}_${tool}`, // VS Code
    `${server}.${tool}`,
  ];
}
