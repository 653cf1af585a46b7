/** What the door posts to hook-service for a turn, without LiteLLM between. */
import { post } from './http';
import type { Sample, Subject } from './job';

interface Armed {
  readonly action: string;
  readonly set?: object;
  readonly remove?: readonly string[];
  readonly turn?: object;
}

interface Replaced {
  readonly action: string;
  readonly response?: { readonly choices?: readonly { readonly message?: { readonly content?: string } }[] };
}

const defaultCaller = {
  hash: 'hash-of-bench',
  alias: 'bench',
  user: null,
  team: null,
  team_alias: null,
  end_user: null,
};

/** The hook before the call; rejects where it offers nothing although there are tools. */
export async function preCall(url: string, subject: Subject, body: object, number: number): Promise<Sample> {
  const answer = await post(
    `${url}/hooks/pre-call`,
    JSON.stringify(described(subject, body, number)),
    headersOf(subject),
  );
  const { action } = JSON.parse(answer.text) as Armed;
  if (answer.status !== 200 || (action !== 'arm' && action !== 'pass'))
    throw new Error(`pre-call answered ${answer.status}: ${answer.text.slice(0, 300)}`);
  return answer;
}

/** Both hooks of a turn with one call. */
export async function hookTurn(
  url: string,
  subject: Subject,
  body: object,
  number: number,
  check: (said: string) => void,
): Promise<Sample> {
  const begun = performance.now();
  const request = described(subject, body, number);
  const before = await post(`${url}/hooks/pre-call`, JSON.stringify(request), headersOf(subject));
  const armed = JSON.parse(before.text) as Armed;
  if (armed.action !== 'arm') throw new Error(`No tools were offered: ${before.text.slice(0, 300)}`);
  const changed: Record<string, unknown> = { ...body, ...armed.set };
  for (const name of armed.remove ?? []) delete changed[name];
  const after = await post(
    `${url}/hooks/post-call`,
    JSON.stringify({
      ...request,
      body: changed,
      turn: armed.turn,
      response: firstRound(number, wordIn(body)),
    }),
    headersOf(subject),
  );
  const { action, response } = JSON.parse(after.text) as Replaced;
  if (action !== 'replace') throw new Error(`The turn was not finished: ${after.text.slice(0, 300)}`);
  check(response?.choices?.[0]?.message?.content ?? '');
  return { first: before.total, total: performance.now() - begun, bytes: before.bytes + after.bytes };
}

function described(subject: Subject, body: object, number: number): object {
  const callers = subject.callers ?? [defaultCaller];
  return {
    url: 'http://litellm/v1/chat/completions',
    headers: { authorization: 'Bearer sk-bench', 'content-type': 'application/json', 'user-agent': 'bench' },
    key: callers[number % callers.length],
    call_id: `call-${number}`,
    body,
  };
}

const headersOf = ({ key }: Subject): Record<string, string> => ({ 'x-toolturn-secret': key });

function wordIn(body: object): string {
  const { messages } = body as { messages: readonly { content: string }[] };
  return messages.at(-1)?.content.split(' ').at(-1) ?? '';
}

/** The model's first round, as LiteLLM gives it to the door. */
function firstRound(number: number, word: string): object {
  const called = { name: 'bench__lookup', arguments: JSON.stringify({ word, part: '0.0' }) };
  const call = { id: `call_${word}_0_0`, type: 'function', function: called };
  const message = { role: 'assistant', content: null, tool_calls: [call] };
  return {
    id: `chatcmpl-${number}`,
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'bench',
    choices: [{ index: 0, finish_reason: 'tool_calls', message }],
    usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
  };
}
