/**
 * The scripted provider, a process of its own: reads what it must, answers from prepared text, keeps nothing. Says its
 * port on its first line; `GET /used` tells how many requests it had and how long it worked on them.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { proof, readQuestion, type Script } from './script';

interface Message {
  readonly role: string;
  readonly content?: unknown;
}

interface ChatRequest {
  readonly model?: string;
  readonly stream?: boolean;
  readonly messages: readonly Message[];
  readonly tools?: readonly { readonly function?: { readonly name?: string } }[];
}

let [requests, workedMs] = [0, 0];
const head = { id: 'chatcmpl-bench', created: 1_700_000_000, model: 'bench' };
const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };

const server = createServer((req, res) => {
  if (req.url === '/used') return void res.end(JSON.stringify({ requests, workedMs }));
  if (req.method !== 'POST') return void res.end('{"object":"list","data":[]}');
  const parts: Buffer[] = [];
  req.on('data', (part: Buffer) => parts.push(part));
  req.on('end', () => {
    const begun = performance.now();
    answer(JSON.parse(Buffer.concat(parts).toString()) as ChatRequest, res, begun).catch((error: unknown) => {
      if (res.headersSent) res.destroy();
      else res.writeHead(500).end(JSON.stringify({ error: { message: String(error) } }));
    });
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.stdin.resume().once('end', () => process.exit(0));

async function answer(request: ChatRequest, res: ServerResponse, begun: number): Promise<void> {
  const { messages, stream } = request;
  const at = messages.findLastIndex(({ role }) => role === 'user');
  const asked = readQuestion(textOf(messages[at]?.content));
  if (asked === undefined) throw new Error('The question names no script.');
  const { script, word } = asked;
  const since = messages.slice(at + 1);
  const round = since.filter(({ role }) => role === 'assistant').length;
  const calls = script.rounds[round]?.map(({ wait }, index) => ({
    id: `call_${word}_${round}_${index}`,
    type: 'function',
    function: {
      name: toolIn(request),
      arguments: JSON.stringify({ word, part: `${round}.${index}`, ...(wait === 0 ? {} : { wait }) }),
    },
  }));
  const result = since.findLast(({ role }) => role === 'tool');
  // Behind calls it says what the tool said, so that the answer proves that the tool ran.
  const text = result === undefined ? proof(word) : textOf(result.content).slice(0, 200);
  requests += 1;
  if (stream !== true) {
    const message = {
      role: 'assistant',
      content: calls === undefined ? text : null,
      ...(calls && { tool_calls: calls }),
    };
    const choice = { index: 0, message, finish_reason: calls === undefined ? 'stop' : 'tool_calls' };
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify({ ...head, object: 'chat.completion', choices: [choice], usage }));
    workedMs += performance.now() - begun;
    return;
  }
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  const chunk = (delta: object, reason: string | null = null): void => {
    const choice = { index: 0, delta, finish_reason: reason };
    res.write(`data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [choice] })}\n\n`);
  };
  chunk({ role: 'assistant', content: '' });
  if (calls === undefined) await write(script, text, chunk);
  else {
    chunk({ content: 'Let me look. ' });
    for (const [index, { function: called, ...call }] of calls.entries()) {
      if (index > 0 && script.apartMs > 0) await pause(script.apartMs);
      chunk({ tool_calls: [{ index, ...call, function: { name: called.name, arguments: '' } }] });
      chunk({ tool_calls: [{ index, function: { arguments: called.arguments } }] });
    }
  }
  chunk({}, calls === undefined ? 'stop' : 'tool_calls');
  res.end('data: [DONE]\n\n');
  workedMs += performance.now() - begun;
}

/** The text in its first piece, then words, each a write of its own as from a model. */
async function write(script: Script, text: string, chunk: (delta: object) => void): Promise<void> {
  chunk({ content: text });
  for (let piece = 1; piece < script.pieces; piece += 1) {
    chunk({ content: ` word${piece}` });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The tool by whatever prefix it is offered under. */
function toolIn({ tools = [] }: ChatRequest): string {
  const names = tools.map((tool) => tool.function?.name ?? '');
  const name = names.find((each) => each.endsWith('lookup'));
  if (name === undefined)
    throw new Error(`No tool is offered that could be called, only: ${names.join(', ')}`);
  return name;
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part: { text?: string }) => part.text ?? '').join('');
}
