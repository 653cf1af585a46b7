/** One turn through LiteLLM: the scripted model makes the calls it is told to, then answers from their results. */
import type { ModelRequest, ScriptedToolCall } from '../../scripts/src/scripted-model';
import type { Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind } from '../support/tools';

export interface Turn {
  /** What the client got. */
  readonly answer: string;
  readonly finish: string | null | undefined;
  /** The texts that the model read as results, round by round. */
  readonly results: readonly (readonly string[])[];
  /** The request of each round, as the model saw it. */
  readonly requests: readonly ModelRequest[];
}

export interface TurnOptions {
  /** The calls of each round. */
  readonly rounds: readonly (readonly ScriptedToolCall[])[];
  /** Which servers the request names; absent: none, so all. */
  readonly servers?: readonly string[];
}

/** Asks once, not streaming. The model's last answer quotes what it read. */
export async function takeTurn(stack: Stack, { rounds, servers }: TurnOptions): Promise<Turn> {
  stack.model.reset();
  stack.model.answerWith((request) => {
    const calls = rounds[roundsBehind(request)];
    return calls === undefined ? { text: quoting(request) } : { toolCalls: calls };
  });
  const response = await stack
    .client()
    .chat.completions.create(
      { model: 'demo', messages: [{ role: 'user', content: 'Find out, please.' }] },
      servers === undefined ? {} : { headers: { 'x-mcp-servers': servers.join(',') } },
    );
  const requests = [...stack.model.requests];
  const [choice] = response.choices;
  return {
    answer: choice?.message.content ?? '',
    finish: choice?.finish_reason,
    results: requests.slice(1).map(lastResults),
    requests,
  };
}

/** An answer that a client can read the facts from. */
function quoting(request: ModelRequest): string {
  const all = messagesOf(request).filter(({ role }) => role === 'tool');
  return `I found: ${all.map(({ content }) => textOf(content).slice(0, 4_000)).join('\n')}`;
}

function textOf(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content);
}
