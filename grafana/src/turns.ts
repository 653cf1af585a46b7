import type { Column, Dashboard } from './panel';
import { bars, lines, quotient, ranking, stats, table, thresholds } from './panels';
import * as from from './targets';

const first = { source: from.rollup, target: from.range(from.rollup), id: 1 };
const again = { source: from.rollup, target: from.of(1) };
const now = { source: from.gauges, target: from.hash(from.gauges) };

/** Of one turn, as several dashboards show it. */
export const turnColumns: readonly Column[] = [
  { field: 'at_ms', name: 'Ended', unit: 'dateTimeAsIso' },
  { field: 'end', name: 'End' },
  { field: 'key', name: 'Key' },
  { field: 'client', name: 'Client' },
  { field: 'model', name: 'Model' },
  { field: 'dialect', name: 'Dialect' },
  { field: 'stream', name: 'Streamed' },
  { field: 'ms', name: 'Took', unit: 'ms' },
  { field: 'held_ms', name: 'Held', unit: 'ms' },
  { field: 'rounds', name: 'Rounds' },
  { field: 'calls', name: 'Calls' },
  { field: 'failed_calls', name: 'Failed', more: redWhere(1) },
  { field: 'tokens_in', name: 'Tokens in' },
  { field: 'tokens_out', name: 'Tokens out' },
  { field: 'cost_usd', name: 'Models', unit: 'currencyUSD', more: { decimals: 4 } },
  { field: 'cost_tools_usd', name: 'Tools', unit: 'currencyUSD', more: { decimals: 4 } },
  { field: 'turn', name: 'Turn' },
  { field: 'conv', name: 'Conversation' },
];

export function redWhere(least: number): Readonly<Record<string, unknown>> {
  return {
    thresholds: thresholds([[least, 'red']]),
    'custom.cellOptions': { type: 'color-text' },
    color: { mode: 'thresholds' },
  };
}

/** Is it working, is it fast, how do answers end. */
export const turns: Dashboard = {
  uid: 'toolturn-turns',
  title: 'Turns',
  description: 'What clients ask, how turns end, how long they take and where the time goes.',
  variables: [],
  rows: [
    {
      panels: [
        stats(
          'Now',
          now,
          [
            { field: 'inflight', name: 'Turns' },
            { field: 'active_conversations', name: 'Conversations' },
            { field: 'servers_up', name: 'Servers up' },
            { field: 'servers_total', name: 'of' },
            { field: 'tools', name: 'Tools' },
            { field: 'replicas', name: 'Replicas' },
            { field: 'redis', name: 'Redis' },
            { field: 'version', name: 'Version' },
          ],
          { size: [16, 4], description: 'No data: no hook-service has written for 30 seconds.' },
        ),
        stats(
          'In this time',
          again,
          [
            { field: 'turns', name: 'Turns' },
            { field: 'turn_errors', name: 'Failed', more: { thresholds: thresholds([[1, 'red']]) } },
            {
              field: 'unavailable',
              name: 'Without tools',
              more: { thresholds: thresholds([[1, 'orange']]) },
            },
          ],
          {
            calc: 'sum',
            size: [8, 4],
            description:
              'Without tools: requests that LiteLLM answered alone, because hook-service was away.',
          },
        ),
      ],
    },
    {
      panels: [
        bars(
          'Requests, per 10 s',
          first,
          [
            { field: 'armed', name: 'Tools offered', color: 'green' },
            { field: 'passed', name: 'No tools', color: 'blue' },
            { field: 'rejected', name: 'Refused', color: 'orange' },
            { field: 'unavailable', name: 'hook-service away', color: 'red' },
          ],
          { description: 'What was decided before the model was called.' },
        ),
        bars(
          'Ends of turns, per 10 s',
          again,
          [
            { field: 'answers', name: 'Answer', color: 'green' },
            { field: 'handed_back', name: 'Handed back', color: 'blue' },
            { field: 'limit_rounds', name: 'Limit of rounds', color: 'yellow' },
            { field: 'limit_calls', name: 'Limit of calls', color: 'orange' },
            { field: 'limit_seconds', name: 'Limit of seconds', color: 'dark-orange' },
            { field: 'limit_tokens', name: 'Limit of tokens', color: 'light-orange' },
            { field: 'limit_repeats', name: 'Limit of equal calls', color: 'dark-yellow' },
            { field: 'limit_rate', name: 'Limit of calls a minute', color: 'light-yellow' },
            { field: 'limit_cost', name: 'Limit of cost', color: 'super-light-orange' },
            { field: 'limit_bytes', name: 'Limit of result bytes', color: 'semi-dark-orange' },
            { field: 'limit_conversation', name: 'Limit of the conversation', color: 'semi-dark-yellow' },
            { field: 'limit_key', name: 'Limit of the key', color: 'super-light-yellow' },
            { field: 'turn_errors', name: 'Error', color: 'red' },
            { field: 'turns_gone', name: 'Nobody waited', color: 'purple' },
          ],
          { description: 'Handed back: the client got calls of its own tools to run.' },
        ),
        lines(
          'Turns: how long',
          again,
          [
            { field: 'turn_p50_ms', name: 'Median' },
            { field: 'turn_p95_ms', name: '95 %' },
            { field: 'turn_p99_ms', name: '99 %' },
          ],
          { unit: 'ms', description: "Without the model's time to its first call. 0 where no turn ended." },
        ),
        lines(
          'Models: how long',
          again,
          [
            { field: 'llm_p50_ms', name: 'Median' },
            { field: 'llm_p95_ms', name: '95 %' },
            { field: 'llm_p99_ms', name: '99 %' },
          ],
          { unit: 'ms', description: 'Of each call of a model, as LiteLLM logged it.' },
        ),
        lines(
          'Tools: how long',
          again,
          [
            { field: 'p50_ms', name: 'Median' },
            { field: 'p95_ms', name: '95 %' },
            { field: 'p99_ms', name: '99 %' },
          ],
          { unit: 'ms' },
        ),
        lines(
          'What Toolturn itself takes',
          again,
          [
            { field: 'arm_p50_ms', name: 'Before the call, median' },
            { field: 'arm_p95_ms', name: 'Before the call, 95 %' },
          ],
          { unit: 'ms', description: 'The decision before the model is called: what every request waits.' },
        ),
        lines(
          'Answers held for tools',
          again,
          [
            { field: 'held_p95_ms', name: 'Held, 95 %' },
            { field: 'eager_ms', name: 'Saved by starting early, per 10 s', color: 'green' },
          ],
          {
            unit: 'ms',
            description:
              'Held: how long answers of a turn stood still for tools. Saved: how long calls ran while the model still wrote.',
          },
        ),
        bars(
          'Errors of models and turns, per 10 s',
          again,
          [
            { field: 'llm_errors', name: 'Model calls', color: 'orange' },
            { field: 'turn_errors', name: 'Turns', color: 'red' },
          ],
          { description: 'A later round that fails ends the turn; its log line says why.' },
        ),
        lines('Rounds per answer', again, [{ field: 'rounds_per_answer', name: 'Rounds' }], {
          size: [6, 8],
        }),
        lines(
          'Turns and conversations',
          again,
          [
            { field: 'inflight', name: 'Turns in hand' },
            { field: 'active_conversations', name: 'Conversations of 5 minutes' },
          ],
          { size: [6, 8] },
        ),
        ranking(
          'All turns by rounds',
          { source: from.turnRounds, target: from.hash(from.turnRounds) },
          {
            size: [12, 8],
          },
        ),
        ranking(
          'All turns by how long they took',
          { source: from.turnDurations, target: from.hash(from.turnDurations) },
          { size: [24, 7] },
        ),
      ],
    },
    {
      title: 'Memory of conversations',
      panels: [
        bars(
          'Past answers, per 10 s',
          again,
          [
            { field: 'ledger_hits', name: 'Found', color: 'green' },
            { field: 'ledger_misses', name: 'Not found', color: 'orange' },
          ],
          { size: [8, 8], description: 'Answers in requests for which hidden rounds were looked for.' },
        ),
        lines('Put back, per 10 s', again, [{ field: 'restored_bytes', name: 'Bytes' }], {
          unit: 'bytes',
          size: [8, 8],
        }),
        lines(
          "Prompt tokens from the provider's cache",
          again,
          [
            { field: 'restored_cached_share', name: 'Requests with past rounds' },
            { field: 'share', name: 'All requests' },
          ],
          {
            unit: 'percentunit',
            size: [8, 8],
            more: [quotient('tokens_cached', 'tokens_in', 'share')],
            description: 'What is put back stays as it was, so that the cache goes on fitting.',
          },
        ),
      ],
    },
    {
      title: 'The last turns',
      panels: [
        table(
          'The last turns',
          { source: from.recentTurns, target: from.newest(from.recentTurns, 200) },
          turnColumns,
        ),
      ],
    },
  ],
};
