import type { Column, Dashboard } from './panel';
import { bars, lines, ranking, stats, table, thresholds, where } from './panels';
import * as from from './targets';

const first = { source: from.rollup, target: from.range(from.rollup), id: 1 };
const again = { source: from.rollup, target: from.of(1) };
const ofTool = { source: from.toolStream, target: from.range(from.toolStream), id: 2 };
const ofToolAgain = { source: from.toolStream, target: from.of(2) };
const calls = { source: from.recentCalls, target: from.newest(from.recentCalls, 500), id: 3 };
const callsAgain = { source: from.recentCalls, target: from.of(3) };

export const failures: readonly Column[] = [
  { field: 'err_tool_error', name: 'Tool failed', color: 'orange' },
  { field: 'err_invalid_arguments', name: 'Bad arguments', color: 'yellow' },
  { field: 'err_timeout', name: 'Too slow', color: 'dark-orange' },
  { field: 'err_transport', name: 'Connection', color: 'red' },
  { field: 'err_protocol_error', name: 'Protocol', color: 'dark-red' },
  { field: 'err_unknown_fate', name: 'Fate unknown', color: 'purple' },
  { field: 'err_unknown_tool', name: 'No such tool', color: 'light-blue' },
  { field: 'err_denied', name: 'Denied', color: 'blue' },
  { field: 'err_limit', name: 'Limit', color: 'dark-blue' },
  { field: 'err_cancelled', name: 'Cancelled', color: 'text' },
];

export const callColumns: readonly Column[] = [
  { field: 'at_ms', name: 'Ended', unit: 'dateTimeAsIso' },
  { field: 'tool', name: 'Tool' },
  { field: 'server', name: 'Server' },
  { field: 'status', name: 'Status' },
  { field: 'error_type', name: 'Error' },
  { field: 'ms', name: 'Took', unit: 'ms' },
  { field: 'wait_ms', name: 'Waited', unit: 'ms' },
  { field: 'bytes_in', name: 'In', unit: 'bytes' },
  { field: 'bytes_out', name: 'Out', unit: 'bytes' },
  { field: 'cost_usd', name: 'Price', unit: 'currencyUSD', more: { decimals: 4 } },
  { field: 'round', name: 'Round' },
  { field: 'key', name: 'Key' },
  { field: 'client', name: 'Client' },
  { field: 'model', name: 'Model' },
  { field: 'turn', name: 'Turn' },
];

const toTool = '/d/toolturn-tools?var-tool=${__field.name}&${__url_time_range}';

function list(name: string) {
  return { source: { key: name, fields: [] }, target: from.top(name) };
}

/** Which tools are used, which fail, which are slow. */
export const tools: Dashboard = {
  uid: 'toolturn-tools',
  title: 'Tools',
  description: 'Which tools are called, which fail and how, which are slow, and what a call brings.',
  variables: [{ name: 'tool', label: 'Tool', set: 'tools' }],
  rows: [
    {
      panels: [
        ranking('Called most, last hour', list('top:calls'), { size: [8, 9], link: toTool }),
        ranking('Failed most, last hour', list('top:errors'), { size: [8, 9], link: toTool }),
        ranking('Slowest by 95 %, last hour', list('top:p95'), { size: [8, 9], unit: 'ms', link: toTool }),
        bars('All calls, per 10 s', first, [
          { field: 'calls', name: 'Calls', color: 'green' },
          { field: 'errors', name: 'Of these failed', color: 'red' },
        ]),
        bars('Failures by kind, per 10 s', again, failures),
        lines(
          'How long, and how long they waited',
          again,
          [
            { field: 'p50_ms', name: 'Median' },
            { field: 'p95_ms', name: '95 %' },
            { field: 'p99_ms', name: '99 %' },
            { field: 'wait_ms', name: 'Waiting, summed' },
          ],
          {
            unit: 'ms',
            description: 'Waiting: for the claim and for a free place among the parallel calls.',
          },
        ),
        bars('Answered without the server, per 10 s', again, [
          { field: 'cached', name: 'From kept results', color: 'blue' },
          { field: 'replayed', name: 'The same call again', color: 'purple' },
        ]),
      ],
    },
    {
      title: 'One tool: $tool',
      panels: [
        stats(
          '$tool since it is known',
          { source: from.toolSums, target: from.hash(from.toolSums) },
          [
            { field: 'calls', name: 'Calls' },
            { field: 'errors', name: 'Failed', more: { thresholds: thresholds([[1, 'orange']]) } },
            { field: 'timeouts', name: 'Too slow', more: { thresholds: thresholds([[1, 'orange']]) } },
            { field: 'ms', name: 'Time', unit: 'ms' },
            { field: 'bytes_out', name: 'Results', unit: 'bytes' },
            { field: 'cost_usd', name: 'Price', unit: 'currencyUSD' },
          ],
          { size: [24, 4] },
        ),
        bars(
          '$tool: calls, per 10 s',
          ofTool,
          [
            { field: 'calls', name: 'Calls', color: 'green' },
            { field: 'errors', name: 'Of these failed', color: 'red' },
            { field: 'denied', name: 'Denied', color: 'blue' },
          ],
          { size: [8, 8] },
        ),
        lines(
          '$tool: how long',
          ofToolAgain,
          [
            { field: 'p50_ms', name: 'Median' },
            { field: 'p95_ms', name: '95 %' },
            { field: 'p99_ms', name: '99 %' },
          ],
          { unit: 'ms', size: [8, 8] },
        ),
        lines(
          '$tool: arguments and results, per 10 s',
          ofToolAgain,
          [
            { field: 'bytes_in', name: 'In' },
            { field: 'bytes_out', name: 'Out' },
          ],
          {
            unit: 'bytes',
            size: [8, 8],
            description: 'Results as the model reads them: they are its tokens.',
          },
        ),
        ranking(
          '$tool: all calls by how long they took',
          {
            source: from.toolDurations,
            target: from.hash(from.toolDurations),
          },
          { size: [24, 7] },
        ),
      ],
    },
    {
      title: 'The last calls',
      panels: [
        table('The last calls that failed', callsAgain, callColumns, { more: [where('status', 'failed')] }),
        table('The last calls', calls, callColumns),
      ],
    },
  ],
};
