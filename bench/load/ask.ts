/** One request, or one whole turn, in the form that its subject has. */
import { proof, question } from '../parts/script';
import { bareClient, sdkClient, type Call, type Complete } from './chat';
import { hookTurn, preCall } from './hooks';
import type { Sample, Subject } from './job';
import { Talk } from './talk';
import { openSession, type McpSession } from './mcp';

/** One of the clients of a subject: asks one thing after the other. */
export type Asking = () => Promise<Sample>;

const started = Date.now().toString(36);
let asked = 0;
/** A word that no request of any load process had before. */
const newWord = (): string => `${started}-${process.pid}-${(asked += 1)}`;

/** The `index`-th client of a subject, with sessions of its own. What it gets is checked: a wrong answer rejects. */
export async function client(subject: Subject, index: number): Promise<Asking> {
  const { mcp } = subject;
  const session = mcp === undefined ? undefined : await openSession(mcp, subject.client);
  const url = subject.urls[index % subject.urls.length] ?? '';
  const complete = (subject.client === 'sdk' ? sdkClient : bareClient)(url, subject.key);
  const talk = new Talk(subject, newWord);
  const form = {
    model: 'bench',
    ...(subject.tools === undefined ? {} : { tools: subject.tools }),
    stream: subject.stream === true,
  };
  const next = () => {
    const word = newWord();
    const content = question(subject.kind, word);
    return { word, content, body: { ...form, messages: [...talk.messages, { role: 'user', content }] } };
  };
  return async () => {
    await talk.ready(async () => {
      const { content, body } = next();
      return [content, (await complete(body)).said];
    });
    const { word, content, body } = next();
    switch (subject.driver) {
      case 'chat': {
        const answer = await complete(body);
        check(answer.said, word);
        talk.add(content, answer.said);
        return answer;
      }
      case 'loop':
        return loop(subject, complete, body, word, session);
      case 'hooks':
        return hookTurn(url, subject, body, asked, (said) => check(said, word));
      case 'pre-call':
        return preCall(url, subject, body, asked);
    }
  };
}

/** What a client does that has the tools itself. */
async function loop(
  subject: Subject,
  complete: Complete,
  body: { readonly messages: readonly object[]; readonly stream: boolean },
  word: string,
  session: McpSession | undefined,
): Promise<Sample> {
  if (session === undefined || subject.mcp === undefined) throw new Error('A loop needs an MCP server.');
  const begun = performance.now();
  let [first, bytes, messages] = [0, 0, body.messages];
  for (;;) {
    const answer = await complete({ ...body, messages });
    if (first === 0) first = answer.first;
    bytes += answer.bytes;
    if (answer.calls.length === 0) {
      check(answer.said, word);
      return { first, total: performance.now() - begun, bytes };
    }
    const results = await run(answer.calls, session, subject.mcp.parallel);
    const round = {
      role: 'assistant',
      content: answer.said === '' ? null : answer.said,
      tool_calls: answer.calls,
    };
    messages = [...messages, round, ...results];
  }
}

async function run(calls: readonly Call[], session: McpSession, parallel: boolean): Promise<object[]> {
  const one = async ({ id, function: { name, arguments: json } }: Call): Promise<object> => {
    // The client knows its tools by the names that the model knows.
    const tool = name.replace(/^.*__/, '');
    const content = await session.call(tool, JSON.parse(json) as Record<string, unknown>);
    return { role: 'tool', tool_call_id: id, content };
  };
  if (parallel) return Promise.all(calls.map(one));
  const results: object[] = [];
  for (const call of calls) results.push(await one(call));
  return results;
}

function check(said: string, word: string): void {
  if (!said.includes(proof(word))) throw new Error(`The answer is not the right one: ${said.slice(0, 300)}`);
}
