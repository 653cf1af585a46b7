/** One turn of a client, and what is wrong with what the client got. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Driver, Exchange } from '../support/dialects/driver';
import { answerOf, ownResult, type TurnPlan } from './script';

/** How a client asks. */
export interface ClientPlan {
  readonly turn: TurnPlan;
  readonly driver: Driver;
  readonly stream: boolean;
  readonly key: string;
  /** How often the client asks the same again where the connection broke or an error came that may pass. */
  readonly retries?: number;
  /** The client goes away after so many milliseconds. */
  readonly leavesAfterMs?: number;
}

/**
 * How a turn ended for its client:
 * - `answer`: with the final answer; `other answer`: with another text, for example where no tools were on offer;
 * - `error 503` and the like: with a whole error of the dialect and this status;
 * - `error in stream`: with a stream that is well-formed and ends with one error;
 * - `broken`: the connection was refused or broke; `left`: the client went away;
 * - `late`: nothing had ended it at its deadline; `malformed`: with what no client of the dialect can read.
 */
export type Ending =
  | 'answer'
  | 'other answer'
  | `error ${number}`
  | 'error in stream'
  | 'broken'
  | 'left'
  | 'late'
  | 'malformed';

export interface Ended {
  readonly plan: ClientPlan;
  readonly ending: Ending;
  /** On the clock of `performance.now()`. */
  readonly from: number;
  readonly to: number;
  /** What is wrong with what the client got, with the piece that shows it. */
  readonly problems: readonly string[];
  readonly leaks: readonly string[];
  /** What the error said, where it ended with one. */
  readonly error?: string;
}

/** Where hook-service shows a client nothing of tool work, no name of a tool of ours may reach it. */
const ours = /\b(stdio|http|sse)__append|appended turn-/;

/** Asks once, answers the client's own call if there is one, and looks at everything that came. */
export async function askOnce(url: string, plan: ClientPlan, deadlineMs: number, retry = 0): Promise<Ended> {
  const from = performance.now();
  const exchanges: Exchange[] = [];
  const late = new AbortController();
  const outcome = await Promise.race([
    (plan.leavesAfterMs === undefined
      ? converse(url, plan, exchanges, retry)
      : leave(url, plan, plan.leavesAfterMs)
    ).catch((error: unknown) => ({ failed: error })),
    pause(deadlineMs, 'late' as const, { signal: late.signal }),
  ]);
  late.abort();
  const to = performance.now();
  const base = { plan, from, to };
  if (outcome === 'late') {
    return { ...base, ending: 'late', problems: [`no end after ${deadlineMs} ms`], leaks: [] };
  }
  if (outcome === 'left') return { ...base, ending: 'left', problems: [], leaks: [] };
  return { ...base, ...(await judged(plan, exchanges, outcome)) };
}

interface Converse {
  readonly text: string;
  /** Names of calls that are not the client's. */
  readonly foreign: readonly string[];
}

async function converse(
  url: string,
  plan: ClientPlan,
  exchanges: Exchange[],
  retry: number,
): Promise<Converse> {
  const { turn, driver, stream, key } = plan;
  const own = turn.own !== undefined;
  const conversation = driver.converse({ url, key, stream, own, exchanges, retry });
  const first = await conversation.ask(`Do ${turn.id}.`);
  const theirs = first.calls.filter(({ name }) => own && name === 'weather');
  const last = theirs.length === 0 ? first : await conversation.answer(theirs.map(() => ownResult(turn.id)));
  const foreign = [...new Set([first, last])].flatMap(({ calls }) =>
    calls.map(({ name }) => name).filter((name) => !own || name !== 'weather'),
  );
  return { text: last.text, foreign };
}

/** A chat client that hangs up in the middle; what it got is not looked at. */
async function leave(url: string, plan: ClientPlan, afterMs: number): Promise<'left'> {
  const gone = new AbortController();
  const timer = setTimeout(() => gone.abort(), afterMs);
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${plan.key}` },
      body: JSON.stringify({
        model: 'chat',
        stream: plan.stream,
        messages: [{ role: 'user', content: `Do ${plan.turn.id}.` }],
      }),
      signal: gone.signal,
    });
    await answer.text();
  } catch {
    // As planned, or the connection broke before.
  } finally {
    clearTimeout(timer);
  }
  return 'left';
}

async function judged(
  plan: ClientPlan,
  exchanges: readonly Exchange[],
  outcome: Converse | { failed: unknown },
): Promise<Pick<Ended, 'ending' | 'problems' | 'leaks' | 'error'>> {
  const leaks: string[] = 'failed' in outcome ? [] : outcome.foreign.map((name) => `a call of ${name}`);
  const problems: string[] = [];
  let ending: Ending | undefined;
  let error: string | undefined;
  for (const { status, body } of exchanges) {
    const text = await body.catch(() => undefined);
    if (text === undefined) {
      ending = 'broken';
      continue;
    }
    const found = ours.exec(text);
    if (found !== null) leaks.push(around(text, found.index));
    const wrong = problemsOf(plan, status, text);
    ending = wrong.ending;
    error = errorIn(text);
    problems.push(...wrong.problems);
  }
  if (problems.length > 0) return { ending: 'malformed', problems, leaks };
  if ('failed' in outcome) {
    // Where the SDK cannot read what the grammar allows, one of the two is wrong.
    if (ending === 'answer' && !isConnection(outcome.failed))
      return { ending: 'malformed', problems: [`the SDK fails: ${String(outcome.failed)}`], leaks };
    const failed = ending === undefined || ending === 'answer' ? 'broken' : ending;
    return { ending: failed, problems, leaks, ...(error === undefined ? {} : { error }) };
  }
  const answered = outcome.text.includes(answerOf(plan.turn.id));
  return {
    ending: answered ? 'answer' : ending === 'answer' ? 'other answer' : (ending ?? 'broken'),
    problems,
    leaks,
  };
}

/** What an error says, whichever the dialect. */
const errorIn = (body: string): string | undefined =>
  /"error"\s*:.*?"message"\s*:\s*("(?:[^"\\]|\\.)*")/s.exec(body)?.[1]?.slice(1, 400);

/** True where there was no answer to read: the SDKs call it by these names, and so does `fetch`. */
function isConnection(error: unknown): boolean {
  return /connection error|fetch failed|terminated|ECONN|socket|other side closed/i.test(
    `${String(error)} ${error instanceof Error ? String(error.cause) : ''}`,
  );
}

function problemsOf(
  { driver, stream }: ClientPlan,
  status: number,
  body: string,
): { ending: Ending; problems: string[] } {
  const wrong = (look: () => string[]): string[] => {
    try {
      return look();
    } catch (error) {
      return [`cannot be read: ${String(error)}`];
    }
  };
  const shown = (problems: readonly string[]): string[] =>
    problems.map(
      (problem) =>
        `${driver.dialect}, ${stream ? 'stream' : 'plain'}, ${status}: ${problem} in ${body.slice(-600)}`,
    );
  if (status >= 400) {
    const problems = wrong(() => driver.errorProblems(body, false));
    return { ending: `error ${status}`, problems: shown(problems) };
  }
  const asAnswer = wrong(() => driver.answerProblems(body, stream));
  if (asAnswer.length === 0) return { ending: 'answer', problems: [] };
  const asError = stream ? wrong(() => driver.errorProblems(body, stream)) : ['is no answer'];
  if (asError.length === 0) return { ending: 'error in stream', problems: [] };
  return { ending: 'malformed', problems: shown(body.includes('"error"') ? asError : asAnswer) };
}

const around = (text: string, at: number): string => text.slice(Math.max(0, at - 80), at + 80);
