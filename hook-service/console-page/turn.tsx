import { bytes, dateTime, duration, money, number, plural, words } from './format.ts';
import { Fragment, h } from './preact.js';
import { Badge, Block, Empty, Facts, Heading } from './parts.tsx';
import type { CallView, RequestView, RoundView, TurnView } from './shapes.ts';
import { now, state } from './store.ts';
import { barClass, outcomeOf } from './turns.tsx';
import { hiddenOf, tokensOf, waterfallOf, type Bar } from './waterfall.ts';

export function TurnPage({ id }: { id: string }) {
  const turn = state.turns.get(id);
  return (
    <Fragment>
      <p class="back">
        <a href="/turns">All turns</a>
      </p>
      {turn === undefined ? (
        <Fragment>
          <Heading title="Turn" />
          <Empty>This process does not remember such a turn.</Empty>
        </Fragment>
      ) : (
        <Turn turn={turn} />
      )}
    </Fragment>
  );
}

function Turn({ turn }: { turn: TurnView }) {
  const [outcome, tone] = outcomeOf(turn);
  const { input, output, cached } = tokensOf(turn);
  const facts: (readonly [string, string])[] = [
    ['began', dateTime(turn.at)],
    [turn.ms === undefined ? 'so far' : 'took', duration(turn.ms ?? now() - turn.at)],
    ['model', turn.model],
    ['dialect', `${turn.dialect}${turn.stream ? ', streaming' : ''}`],
    ['key', turn.key ?? ''],
    ['user', turn.user ?? ''],
    ['team', turn.team ?? ''],
    ['client', turn.client ?? ''],
    ['tokens', input + output === 0 ? '' : `${number(input)} in, ${number(output)} out`],
    ['from cache', cached === 0 ? '' : number(cached)],
    ['cost', costText(turn)],
    ['offered', offeredText(turn.request)],
    ['put back', putBackText(turn.request)],
    ['request', turn.callId ?? ''],
    ['turn', turn.id],
  ];
  return (
    <Fragment>
      <Heading title="Turn">
        <Badge tone={tone}>{outcome}</Badge>
      </Heading>
      {turn.error && <p class="problem">{turn.error}</p>}
      <Facts of={facts} wide />
      <h2>Rounds and calls</h2>
      <Chart turn={turn} />
      <HiddenPart turn={turn} />
    </Fragment>
  );
}

function costText({ costUsd, costToolsUsd }: TurnView): string {
  if (costUsd + costToolsUsd === 0) return '';
  return costToolsUsd === 0
    ? money(costUsd)
    : `${money(costUsd + costToolsUsd)} (models ${money(costUsd)}, tools ${money(costToolsUsd)})`;
}

const offeredText = (request: RequestView | undefined): string =>
  request === undefined || request.offered === 0
    ? ''
    : `${plural(request.offered, 'tool')}, about ${number(request.offeredTokens)} tokens`;

const putBackText = (request: RequestView | undefined): string =>
  request === undefined || request.restored === 0
    ? ''
    : `hidden rounds of ${plural(request.restored, 'past answer')}, ${bytes(request.restoredBytes)}`;

function Chart({ turn }: { turn: TurnView }) {
  const { bars, totalMs, ticks } = waterfallOf(turn, now());
  return (
    <Fragment>
      <table class="waterfall">
        <caption class="away">Rounds and calls of the turn over time</caption>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col" class="num">
              Began
            </th>
            <th scope="col" class="num">
              Took
            </th>
            <th scope="col">Came to</th>
            <th scope="col" class="track">
              <div class="scale" aria-hidden="true">
                {ticks.map((tick) => (
                  <span key={tick} style={{ left: `${(tick / totalMs) * 100}%` }}>
                    {duration(tick)}
                  </span>
                ))}
              </div>
              <span class="away">Over time</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {bars.map((bar) => (
            <Line key={bar.key} bar={bar} />
          ))}
        </tbody>
      </table>
      {turn.moreCalls > 0 && <p class="muted">and {plural(turn.moreCalls, 'more call')}</p>}
      <p class="legend" aria-hidden="true">
        <span class="swatch round" /> the model writes <span class="swatch call" /> a call runs{' '}
        <span class="swatch waited" /> it waits <span class="swatch failed" /> it failed
      </p>
    </Fragment>
  );
}

function Line({ bar }: { bar: Bar }) {
  const isRound = bar.kind === 'round';
  const at = (part: number): string => `${part / 10}%`;
  return (
    <tr class={bar.kind}>
      <th scope="row">{isRound ? `Round ${bar.round}` : <CallName call={bar.of as CallView} />}</th>
      <td class="num" data-label="Began">
        {duration(bar.of.at)}
      </td>
      <td class="num" data-label="Took">
        {bar.running ? <Badge tone="busy">{duration(bar.ms)}</Badge> : duration(bar.ms)}
      </td>
      <td data-label="Came to" class="outcome">
        {isRound ? (
          roundText(bar.of as RoundView)
        ) : (
          <CallText call={bar.of as CallView} running={bar.running} />
        )}
      </td>
      <td class="track" aria-hidden="true">
        <div class="lane">
          <div class={barClass(bar)} style={{ left: at(bar.from), width: at(bar.length) }} />
          {bar.waited > 0 && (
            <div
              class="bar waited"
              style={{ left: at(bar.from), width: at(Math.min(bar.waited, bar.length)) }}
            />
          )}
        </div>
      </td>
    </tr>
  );
}

const CallName = ({ call }: { call: CallView }) => (
  <span class="call-name">
    {call.tool ?? call.name}
    {call.server && <span class="muted"> {call.server}</span>}
  </span>
);

function roundText({ ms, ours, theirs, tokens, costUsd = 0 }: RoundView): string {
  if (ms === undefined) return 'the model writes';
  const calls = [
    ...(ours > 0 ? [plural(ours, 'call')] : []),
    ...(theirs > 0 ? [`${plural(theirs, 'call')} of the client’s`] : []),
  ];
  const used = tokens === undefined ? [] : [`${number(tokens.input)} → ${number(tokens.output)} tokens`];
  const cost = costUsd === 0 ? [] : [money(costUsd)];
  return [...(calls.length === 0 ? ['answer'] : calls), ...used, ...cost].join(', ');
}

function CallText({ call, running }: { call: CallView; running: boolean }) {
  if (running) return <span>{call.progress ?? 'runs'}</span>;
  const cost = call.costUsd === 0 ? [] : [money(call.costUsd)];
  if (call.failure !== undefined)
    return (
      <Fragment>
        <Badge tone="bad">{words(call.failure)}</Badge> {cost}
      </Fragment>
    );
  const notes = [
    ...(call.cached ? ['kept result'] : []),
    ...(call.replayed ? ['made before'] : []),
    ...(call.cut ? ['cut for the model'] : []),
    ...(call.waitedMs > 1 ? [`waited ${duration(call.waitedMs)}`] : []),
    ...cost,
  ];
  return <span>{[bytes(call.bytesOut), ...notes].join(', ')}</span>;
}

/** Names and numbers; texts only where the config shows them. */
function HiddenPart({ turn }: { turn: TurnView }) {
  const hidden = hiddenOf(turn);
  const withText = turn.calls.filter(({ arguments: args, text }) => args !== undefined || text !== undefined);
  return (
    <section aria-labelledby="hidden">
      <h2 id="hidden">What the client does not see</h2>
      <p>
        {plural(hidden.rounds, 'round')} before the last one
        {hidden.tokens > 0 && ` (${number(hidden.tokens)} tokens)`}, {plural(hidden.calls, 'call')}
        {hidden.failed > 0 && ` (${hidden.failed} failed)`} with {bytes(hidden.bytesIn)} of arguments and{' '}
        {bytes(hidden.bytesOut)} of results, unless its <code>surface</code> shows tool work.
        {turn.handedBack > 0 && ` ${plural(turn.handedBack, 'call')} went to the client to run.`}
      </p>
      {withText.map((call) => (
        <details key={call.number}>
          <summary>
            {call.name}, round {call.round}
          </summary>
          {call.arguments !== undefined && (
            <Block label={`Arguments of ${call.name}`} text={call.arguments} />
          )}
          {call.text !== undefined && <Block label={`Result of ${call.name}`} text={call.text} />}
        </details>
      ))}
      {withText.length === 0 && turn.calls.length > 0 && (
        <p class="muted">
          Arguments and results are not kept here. <code>console.content: true</code> shows them.
        </p>
      )}
    </section>
  );
}
