/**
 * A scripted provider of all four API forms. It decides by what it sees: which tools are offered, what they said,
 * what was asked. Only the tool of the client's own that it is to use is told to it.
 */
import { randomBytes } from 'node:crypto';
import { startScriptedModel, type Answer, type ModelRequest } from '../../scripts/src/scripted-model';
import { say as sayContent } from '../support/generate-content-model';
import { say as sayMessage } from '../support/messages-model';
import { ResponsesProvider } from '../support/responses-model';
import type { Dialect } from './settings';

/** What a person asks. Recognised wherever it stands in what the client sends. */
export const questions = {
  word: 'What is the secret word of the vault?',
  both: 'What is the secret word of the vault, and what does the note in note.txt say?',
  proof: 'And what was the proof that came with the word?',
} as const;

export type Question = keyof typeof questions;

/** A tool of the client's own, and the arguments it wants. */
export interface OwnTool {
  readonly name: string;
  readonly arguments: object;
}

/** One thing in a conversation, whatever the API form. */
export type Entry =
  | { readonly kind: 'user' | 'assistant'; readonly text: string }
  | { readonly kind: 'call'; readonly key: string; readonly name: string; readonly signature?: string }
  | { readonly kind: 'result'; readonly key: string; readonly text: string };

/** A request as the provider understood it. */
export interface Seen {
  readonly dialect: Dialect;
  readonly request: ModelRequest;
  readonly tools: readonly string[];
  readonly entries: readonly Entry[];
  /** The last question; absent in requests that clients make beside the conversation. */
  readonly question?: Question;
  /** What tools said since the last question, and before it. */
  readonly results: readonly string[];
  readonly earlier: readonly string[];
}

interface Thought {
  readonly text: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: object }[];
}

export interface Provider {
  /** Base URL with `/v1`. */
  readonly url: string;
  readonly answer: Answer;
  /** Every request so far; emptied by the test. */
  readonly seen: Seen[];
  /** What a real provider would have refused. */
  readonly problems: string[];
  /** The client's tool to use for the note, and whether the model calls it before ours. */
  own: OwnTool | undefined;
  ownFirst: boolean;
  stop(): Promise<void>;
}

export async function startProvider(): Promise<Provider> {
  const kept = new ResponsesProvider();
  const signatures = new Map<string, string>();

  const think = (seen: Seen): Thought => {
    provider.seen.push(seen);
    provider.problems.push(...problemsIn(seen, signatures));
    return decide(seen, provider.own, provider.ownFirst);
  };
  const responses = kept.answer(({ context, tools, body }) => {
    const request = { path: '/v1/responses', headers: {}, body, at: 0 };
    const { text, calls } = think(understood('responses', request, tools, context.flatMap(responsesEntries)));
    return {
      ...((body['reasoning'] ?? null) === null ? {} : { reasoning: 'Let me think.' }),
      text,
      calls: calls ?? [],
    };
  });

  const answer: Answer = (request, index) => {
    const dialect = dialectOf(request.path);
    const { body } = request;
    switch (dialect) {
      case 'chat': {
        const { text, calls } = think(
          understood(dialect, request, chatTools(body), list(body['messages']).flatMap(chatEntries)),
        );
        return { text, ...(calls === undefined ? {} : { toolCalls: calls }) };
      }
      case 'messages': {
        const { text, calls } = think(
          understood(dialect, request, names(body['tools']), list(body['messages']).flatMap(messageEntries)),
        );
        const signature = id('sig');
        const blocks = (calls ?? []).map((call) => ({
          type: 'tool_use',
          id: id('toolu'),
          name: call.name,
          input: call.arguments,
        }));
        const thinks = isOn(body['thinking']);
        if (thinks) for (const block of blocks) signatures.set(block.id, signature);
        const thinking = { type: 'thinking', thinking: 'Let me think.', signature };
        return sayMessage(request, {
          blocks: [...(thinks ? [thinking] : []), { type: 'text', text }, ...blocks],
        });
      }
      case 'generateContent': {
        const tools = list(body['tools']).flatMap((tool) => names(tool['functionDeclarations']));
        const { text, calls } = think(
          understood(dialect, request, tools, list(body['contents']).flatMap(contentEntries)),
        );
        // Gemini signs the first of several calls.
        const signed = (calls ?? []).map((call, at) => {
          const signature = at === 0 ? Buffer.from(id('sig')).toString('base64') : undefined;
          if (signature === undefined) signatures.delete(call.name);
          else signatures.set(call.name, signature);
          return { name: call.name, args: call.arguments, ...(signature === undefined ? {} : { signature }) };
        });
        return sayContent(request, { text, calls: signed });
      }
      case 'responses':
        return responses(request, index);
    }
  };
  const server = await startScriptedModel({ answer });
  const provider: Provider = {
    url: server.url,
    answer,
    seen: [],
    problems: [],
    own: undefined,
    ownFirst: false,
    stop: () => server.stop(),
  };
  return provider;
}

const isOurs = (name: string): boolean => /(^|__)secret_word$/.test(name);

/** What a model would say here. */
function decide(
  { question, tools, results, earlier }: Seen,
  own: OwnTool | undefined,
  ownFirst: boolean,
): Thought {
  const found = (texts: readonly string[], what: RegExp): string | undefined =>
    what.exec(texts.join('\n'))?.[1];
  if (question === undefined) return { text: 'Fine.' };
  if (question === 'proof') {
    const proof = found(earlier, /The proof is (\S+?)\./);
    return { text: proof === undefined ? 'I never saw a proof.' : `The proof is ${proof}.` };
  }
  if (results.length > 0) {
    const word = found(results, /The word is (\S+?)\./) ?? 'not known to me';
    const note =
      question === 'both' ? ` The note says ${found(results, /The note says (\S+?)\./) ?? 'nothing'}.` : '';
    return { text: `The secret word is ${word}.${note}` };
  }
  const ours = tools.find(isOurs);
  if (ours === undefined) return { text: 'I have no tool that knows the secret word.' };
  const calls = [{ name: ours, arguments: { vault: 'north' } }];
  if (question === 'both') {
    if (own === undefined || !tools.includes(own.name)) {
      return { text: `There is no tool ${own?.name} among ${tools.join(', ')}.` };
    }
    if (ownFirst) calls.unshift(own as never);
    else calls.push(own as never);
  }
  return { text: 'I will look.', calls };
}

function understood(
  dialect: Dialect,
  request: ModelRequest,
  tools: readonly string[],
  entries: readonly Entry[],
): Seen {
  const asked = entries.map((entry) => (entry.kind === 'user' ? questionIn(entry.text) : undefined));
  const at = asked.findLastIndex((each) => each !== undefined);
  const question = asked[at];
  const said = (from: readonly Entry[]): string[] =>
    from.flatMap((entry) => (entry.kind === 'result' ? [entry.text] : []));
  return {
    dialect,
    request,
    tools,
    entries,
    ...(question === undefined ? {} : { question }),
    results: said(entries.slice(at + 1)),
    earlier: said(entries.slice(0, Math.max(at, 0))),
  };
}

function questionIn(text: string): Question | undefined {
  return (Object.keys(questions) as Question[]).find((each) => text.includes(questions[each]));
}

/** Each call is answered once, before anything else is said; what the model signed comes back as it was. */
function problemsIn({ entries, dialect }: Seen, signatures: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const open: string[] = [];
  for (const entry of entries) {
    if (entry.kind === 'call') {
      open.push(entry.key);
      const signature = dialect === 'messages' ? signatures.get(entry.key) : undefined;
      if (signature !== undefined && entry.signature !== signature)
        problems.push(`the call ${entry.key} came back without the thinking before it`);
    } else if (entry.kind === 'result') {
      const index = open.indexOf(entry.key);
      if (index === -1) problems.push(`a result for ${entry.key}, which was not called or has one already`);
      else open.splice(index, 1);
    } else if (open.length > 0 && entry.kind === 'user') {
      problems.push(`no result for ${open.splice(0).join(', ')}`);
    }
  }
  if (open.length > 0) problems.push(`no result for ${open.join(', ')}`);
  if (dialect === 'generateContent') {
    // Of the client's own calls it is up to the client; ours has nobody but us to keep it.
    for (const entry of entries) {
      if (entry.kind === 'call' && isOurs(entry.name) && entry.signature !== signatures.get(entry.name))
        problems.push(`the call ${entry.key} came back without its signature`);
    }
  }
  return problems;
}

// ---------------------------------------------------------------- the API forms

type Fields = Record<string, any>;

function dialectOf(path: string): Dialect {
  if (/:(streamG|g)enerateContent/.test(path)) return 'generateContent';
  if (path.includes('/messages')) return 'messages';
  return path.includes('/responses') ? 'responses' : 'chat';
}

function chatEntries(message: Fields): Entry[] {
  if (message['role'] === 'tool')
    return [{ kind: 'result', key: message['tool_call_id'], text: textOf(message['content']) }];
  if (message['role'] === 'assistant') {
    const calls = list(message['tool_calls']).map((call): Entry => ({
      kind: 'call',
      key: call['id'],
      name: call['function'].name,
    }));
    return [{ kind: 'assistant', text: textOf(message['content']) }, ...calls];
  }
  return message['role'] === 'user' ? [{ kind: 'user', text: textOf(message['content']) }] : [];
}

function messageEntries({ role, content }: Fields): Entry[] {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : list(content);
  const signature = blocks.find((block) => block['type'] === 'thinking')?.['signature'];
  return blocks.flatMap((block): Entry[] => {
    switch (block['type']) {
      case 'text':
        return role === 'system' ? [] : [{ kind: role, text: block['text'] }];
      case 'tool_use':
        return [
          {
            kind: 'call',
            key: block['id'],
            name: block['name'],
            ...(signature === undefined ? {} : { signature }),
          },
        ];
      case 'tool_result':
        return [{ kind: 'result', key: block['tool_use_id'], text: textOf(block['content']) }];
      default:
        return [];
    }
  });
}

function responsesEntries(item: Fields): Entry[] {
  const type = String(item['type'] ?? 'message');
  if (type === 'message') {
    const { role } = item;
    return role === 'user' || role === 'assistant' ? [{ kind: role, text: textOf(item['content']) }] : [];
  }
  if (type.endsWith('call')) return [{ kind: 'call', key: item['call_id'], name: item['name'] }];
  if (type.endsWith('_output'))
    return [{ kind: 'result', key: item['call_id'], text: textOf(item['output']) }];
  return [];
}

/** Gemini has no ids: a result belongs to a call of the same name. */
function contentEntries({ role, parts }: Fields): Entry[] {
  return list(parts).flatMap((part): Entry[] => {
    const call = part['functionCall'];
    const response = part['functionResponse'];
    if (call !== undefined) {
      const signature = part['thoughtSignature'];
      return [
        { kind: 'call', key: call.name, name: call.name, ...(signature === undefined ? {} : { signature }) },
      ];
    }
    if (response !== undefined)
      return [{ kind: 'result', key: response.name, text: JSON.stringify(response.response) }];
    if (typeof part['text'] === 'string')
      return [{ kind: role === 'model' ? 'assistant' : 'user', text: part['text'] }];
    return [];
  });
}

function chatTools(body: Fields): string[] {
  return list(body['tools']).map((tool) => tool['function']?.name ?? tool['type']);
}

function names(tools: unknown): string[] {
  return list(tools).map((tool) => tool['name'] ?? tool['type']);
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return list(content)
    .map((part) => (typeof part['text'] === 'string' ? part['text'] : ''))
    .join('\n');
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : [];
}

function isOn(thinking: unknown): boolean {
  return ['enabled', 'adaptive'].includes((thinking as Fields | undefined)?.['type']);
}

function id(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}
