/** What a chaos run came to: the figures, and everything that should not have happened. */
import type { Fault } from './faults';
import type { Turn } from './run';
import type { CallRecord } from './script';

export interface Violations {
  /** Calls or names of tools of ours that reached a client. */
  readonly leaked: readonly string[];
  /** Bodies that came whole and that no client of the dialect can read. */
  readonly malformed: readonly string[];
  /** Connections that broke while no LiteLLM was killed. */
  readonly cut: readonly string[];
  /** Calls whose line stands in the file more than once, however often their turn was asked for. */
  readonly twice: readonly string[];
  /** Calls that ran in a turn that was answered, and of which the model never read anything. */
  readonly lost: readonly string[];
  /** Calls that ran and of which the model read that they had not; or the other way round. */
  readonly untrue: readonly string[];
  /** Turns without an end at their deadline. */
  readonly late: readonly string[];
  /** Turns after the last fault that were not answered. */
  readonly notRecovered: readonly string[];
}

export interface ChaosReport {
  readonly seed: number;
  readonly minutes: number;
  readonly turns: number;
  readonly endings: Readonly<Record<string, number>>;
  readonly dialects: Readonly<Record<string, number>>;
  /** By part, then by what was done to it. */
  readonly faults: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Milliseconds a client waited for the end of a turn. */
  readonly ms: {
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
    readonly deadline: number;
  };
  /** Milliseconds from the last fault until every part was ready. */
  readonly recoveredMs: number;
  /** Calls the model made, lines in the file, and what the model was told of the calls that it asked about again. */
  readonly calls: number;
  readonly lines: number;
  readonly told: Readonly<Record<string, number>>;
  /** What the errors said that clients got. */
  readonly errors: Readonly<Record<string, number>>;
  /** Turns that were asked for again after they had failed. */
  readonly retried: number;
  /** Calls beside a client's own of which the model read nothing because Redis, which remembers them, had a fault. */
  readonly forgotten: number;
  /** Calls that ran in a try that failed, and that the model did not make again when it was asked anew. */
  readonly dropped: number;
  readonly violations: Violations;
}

export interface ChaosFacts {
  readonly seed: number;
  readonly minutes: number;
  readonly turns: readonly Turn[];
  readonly faults: readonly Fault[];
  readonly lines: readonly string[];
  readonly deadlineMs: number;
  readonly recoveredMs: number;
}

/** A connection may break a moment before the kill is noted and is told a moment later. */
const marginMs = 2_000;

export function judge(facts: ChaosFacts): ChaosReport {
  const { turns, faults, lines } = facts;
  const times = count(lines);
  const retried = new Set(turns.filter(({ retry }) => retry > 0).map(({ record }) => record));
  const last = turns.filter(
    (turn, at) => !turns.some((each, later) => later > at && each.record === turn.record),
  );
  const waits = turns
    .filter(({ ended }) => ended.ending !== 'left')
    .map(({ ended }) => ended.to - ended.from)
    .sort((a, b) => a - b);
  const calls = last.flatMap((turn) => [...turn.record.calls.values()].map((call) => ({ turn, call })));
  const silent = calls.filter(
    ({ turn, call }) => answered(turn) && times.has(call.id) && call.told === undefined,
  );
  const forgotten = silent.filter(({ turn }) => remembered(turn) && touched(turn, faults, /redis/));
  // A model that is asked anew may call something else.
  const dropped = silent.filter(({ turn, call }) => turn.retry > 0 && call.tries < turn.record.tries);
  // In a repetition the same call may not run although it ran before.
  const untrue = calls.filter(
    ({ turn, call }) => !retried.has(turn.record) && isUntrue(call, times.has(call.id)),
  );
  const again = [...times].filter(([, many]) => many > 1);
  const is = (ending: string) => turns.filter(({ ended }) => ended.ending === ending);
  return {
    seed: facts.seed,
    minutes: facts.minutes,
    turns: turns.length,
    endings: tally(turns.map(({ ended }) => ended.ending)),
    dialects: tally(
      turns.map(({ ended: { plan } }) => `${plan.driver.dialect}${plan.stream ? ', stream' : ''}`),
    ),
    faults: byPart(faults),
    ms: {
      p50: Math.round(waits[Math.floor(waits.length / 2)] ?? 0),
      p99: Math.round(waits[Math.floor(waits.length * 0.99)] ?? 0),
      max: Math.round(waits.at(-1) ?? 0),
      deadline: facts.deadlineMs,
    },
    recoveredMs: Math.round(facts.recoveredMs),
    calls: calls.length,
    lines: lines.length,
    told: tally(calls.map(({ call }) => call.told ?? 'nothing')),
    errors: tally(
      turns.flatMap(({ ended: { error, ending } }) => (error === undefined ? [] : `${ending}: ${error}`)),
    ),
    retried: retried.size,
    forgotten: forgotten.length,
    dropped: dropped.length,
    violations: {
      leaked: turns.flatMap((turn) => turn.ended.leaks.map((leak) => described(turn, leak))),
      malformed: is('malformed').map((turn) => described(turn, turn.ended.problems.join('; '))),
      cut: is('broken')
        .filter((turn) => !duringKill(turn, faults))
        .map((turn) => described(turn, 'the connection broke')),
      twice: again.map(([id, many]) => `${id}: ${many} times; ${tries(turns, faults, id)}`),
      lost: silent
        .filter((each) => !forgotten.includes(each) && !dropped.includes(each))
        .map(({ turn, call }) => described(turn, `${call.id}; ${tries(turns, faults, call.id)}`)),
      untrue: untrue.map(({ turn, call }) => described(turn, `${call.id}: ${call.text ?? call.told ?? ''}`)),
      late: is('late').map((turn) => described(turn, turn.ended.problems.join())),
      notRecovered: turns
        .filter((turn) => turn.calm && turn.ended.ending !== 'answer')
        .map((turn) => described(turn, turn.ended.ending)),
    },
  };
}

/** A figure per line. */
export function inWords(report: ChaosReport): string {
  const { violations, ms } = report;
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, many]) => `${name} ${many}`)
      .join(', ') || 'none';
  const rows: [string, string][] = [
    ['seed, minutes', `${report.seed}, ${report.minutes}`],
    ['turns', `${report.turns} (${listed(report.dialects)})`],
    ['ended with', listed(report.endings)],
    ...Object.entries(report.faults).map(([part, actions]): [string, string] => [part, listed(actions)]),
    ['waited', `p50 ${ms.p50} ms, p99 ${ms.p99} ms, longest ${ms.max} ms of ${ms.deadline} ms`],
    ['recovered', `${report.recoveredMs} ms after the last fault`],
    ['calls of the model', `${report.calls}; lines in the file ${report.lines}`],
    ['told about them', listed(report.told)],
    ['asked for again', `${report.retried} turns`],
    ['forgotten with Redis', `${report.forgotten}`],
    ['not made again', `${report.dropped}`],
    ...Object.entries(violations).map(([name, found]): [string, string] => [name, `${found.length}`]),
  ];
  const found = Object.entries(violations).flatMap(([name, list]) =>
    list.slice(0, 10).map((each: string) => `${name}: ${each}`),
  );
  const errors = Object.entries(report.errors).map(([said, many]): [string, string] => [`${many} ×`, said]);
  return [...[...rows, ...errors].map(([name, what]) => `${name.padEnd(22)}${what}`), ...found, ''].join(
    '\n',
  );
}

export const holds = ({ violations }: ChaosReport): boolean =>
  Object.values(violations).every((found: readonly string[]) => found.length === 0);

/** How a call's turn was asked for, and what happened meanwhile. */
function tries(turns: readonly Turn[], faults: readonly Fault[], id: string): string {
  const own = turns.filter(({ record }) => record.plan.id === id.split('.')[0]);
  const met = faults.filter((fault) => own.some((turn) => overlaps(turn, fault)));
  const asked = own.map(({ ended: { ending, from, to, plan, error } }) =>
    [
      plan.driver.dialect,
      plan.stream ? 'stream' : 'plain',
      ending,
      `${Math.round(from)}-${Math.round(to)}`,
      error ?? '',
    ]
      .join(' ')
      .trim(),
  );
  const during = met.map(
    ({ part, action, from, to = 0 }) => `${part} ${action} ${Math.round(from)}-${Math.round(to)}`,
  );
  return `asked: ${asked.join(' | ')}; meanwhile: ${during.join(', ')}`;
}

const answered = ({ ended }: Turn): boolean => ended.ending === 'answer' || ended.ending === 'other answer';

/** Hidden rounds beside a client's call wait in the ledger for its next request. */
const remembered = ({ ended }: Turn): boolean => ended.plan.turn.own !== undefined;

/** Whether a part of this name had a fault at any time of the turn. */
function touched({ ended }: Turn, faults: readonly Fault[], part: RegExp): boolean {
  return faults.some((fault) => part.test(fault.part) && overlaps({ ended }, fault));
}

function overlaps({ ended }: Pick<Turn, 'ended'>, { from, to = Infinity }: Fault): boolean {
  return from - marginMs < ended.to && to + marginMs > ended.from;
}

/** Whether a LiteLLM was killed while the turn was on its way: what it had begun to send breaks off. */
function duringKill({ ended }: Turn, faults: readonly Fault[]): boolean {
  return faults.some(
    ({ part, action, from }) =>
      part.startsWith('litellm') &&
      action === 'kill' &&
      from > ended.from - marginMs &&
      from < ended.to + marginMs,
  );
}

/** `result` without a line, or "not run" with one. */
function isUntrue(call: CallRecord, ran: boolean): boolean {
  return (call.told === 'result' && !ran) || (call.told === 'not run' && ran);
}

function described({ ended: { plan, ending, from, to } }: Turn, what: string): string {
  const how = `${plan.driver.dialect}${plan.stream ? ', stream' : ''}`;
  return `${plan.turn.id} (${how}, ${ending}, ${Math.round(to - from)} ms): ${what}`;
}

function count(list: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const each of list) counts.set(each, (counts.get(each) ?? 0) + 1);
  return counts;
}

function tally(list: readonly string[]): Record<string, number> {
  return Object.fromEntries([...count(list)].sort(([a], [b]) => a.localeCompare(b)));
}

function byPart(faults: readonly Fault[]): Record<string, Record<string, number>> {
  const parts = [...new Set(faults.map(({ part }) => part))].sort();
  return Object.fromEntries(
    parts.map((part) => [
      part,
      tally(faults.filter((fault) => fault.part === part).map(({ action }) => action)),
    ]),
  );
}
