import { duration, money, number, plural, words } from './format.ts';
import { Fragment, h } from './preact.js';
import { Ago, Badge, Empty, Heading } from './parts.tsx';
import type { TurnView } from './shapes.ts';
import { now, state } from './store.ts';
import { tokensOf, waterfallOf } from './waterfall.ts';

/** How a turn stands, in a word and a tone. */
export function outcomeOf({ end, ms }: TurnView): readonly [string, string] {
  if (ms === undefined) return ['running', 'busy'];
  if (end === 'answer') return ['answer', 'good'];
  if (end === 'handed_back') return ['handed back', 'good'];
  if (end === 'approval') return ['asked a person', 'good'];
  if (end?.startsWith('limit_') === true) return [words(end), 'warn'];
  return [end === 'gone' ? 'client gone' : (end ?? 'error'), 'bad'];
}

export function TurnsPage() {
  const turns = [...state.turns.values()];
  const running = turns.filter(({ ms }) => ms === undefined).length;
  return (
    <Fragment>
      <Heading title="Turns">
        <p class="muted">
          {plural(running, 'turn')} running; the last {number(turns.length)} of this process
        </p>
      </Heading>
      <TurnTable turns={turns} label="Turns" />
    </Fragment>
  );
}

export function TurnTable({ turns, label }: { turns: readonly TurnView[]; label: string }) {
  if (turns.length === 0)
    return <Empty>No turn with tools yet. One appears here as soon as a model calls a tool.</Empty>;
  return (
    <table class="stack turns">
      <caption class="away">{label}</caption>
      <thead>
        <tr>
          <th scope="col">Began</th>
          <th scope="col">Outcome</th>
          <th scope="col">Model</th>
          <th scope="col">Key</th>
          <th scope="col" class="num">
            Rounds
          </th>
          <th scope="col" class="num">
            Calls
          </th>
          <th scope="col" class="num">
            Tokens
          </th>
          <th scope="col" class="num">
            Cost
          </th>
          <th scope="col" class="num">
            Took
          </th>
          <th scope="col" class="spark">
            <span class="away">Over time</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {turns.map((turn) => (
          <TurnRow key={turn.id} turn={turn} />
        ))}
      </tbody>
    </table>
  );
}

function TurnRow({ turn }: { turn: TurnView }) {
  const [outcome, tone] = outcomeOf(turn);
  const { input, output } = tokensOf(turn);
  const cost = turn.costUsd + turn.costToolsUsd;
  const failed = turn.calls.filter(({ failure }) => failure !== undefined).length;
  return (
    <tr data-turn={turn.id}>
      <td data-label="Began">
        <a href={`/turns/${turn.id}`}>
          <Ago at={turn.at} />
        </a>
      </td>
      <td data-label="Outcome">
        <Badge tone={tone}>{outcome}</Badge>
      </td>
      <td data-label="Model">{turn.model}</td>
      <td data-label="Key">{turn.key ?? '–'}</td>
      <td data-label="Rounds" class="num">
        {turn.rounds.length}
      </td>
      <td data-label="Calls" class="num">
        {turn.calls.length + turn.moreCalls}
        {failed > 0 && <span class="bad-text"> ({failed} failed)</span>}
      </td>
      <td data-label="Tokens" class="num">
        {input + output === 0 ? '–' : number(input + output)}
      </td>
      <td data-label="Cost" class="num">
        {cost === 0 ? '–' : money(cost)}
      </td>
      <td data-label="Took" class="num">
        {duration(turn.ms ?? now() - turn.at)}
      </td>
      <td class="spark" aria-hidden="true">
        <Spark turn={turn} />
      </td>
    </tr>
  );
}

/** The waterfall in one line. */
function Spark({ turn }: { turn: TurnView }) {
  const { bars } = waterfallOf(turn, now());
  return (
    <svg viewBox="0 0 1000 20" preserveAspectRatio="none" class="sparkline" focusable="false">
      {bars.map((bar) => (
        <rect
          key={bar.key}
          class={barClass(bar)}
          x={bar.from}
          width={bar.length}
          y={bar.kind === 'round' ? 1 : 11}
          height={8}
        />
      ))}
    </svg>
  );
}

export const barClass = (bar: { kind: string; failed: boolean; running: boolean }): string =>
  `bar ${bar.kind}${bar.failed ? ' failed' : ''}${bar.running ? ' running' : ''}`;
