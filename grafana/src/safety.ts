import type { Dashboard } from './panel';
import { bars, lines, stats, table, thresholds, where } from './panels';
import * as from from './targets';
import { callColumns } from './tools';

const first = { source: from.rollup, target: from.range(from.rollup), id: 1 };
const again = { source: from.rollup, target: from.of(1) };
const now = { source: from.gauges, target: from.hash(from.gauges) };
const ofKey = { source: from.keyStream, target: from.range(from.keyStream) };
const calls = { source: from.recentCalls, target: from.newest(from.recentCalls, 500), id: 2 };
const callsAgain = { source: from.recentCalls, target: from.of(2) };
const memory = {
  source: {
    key: 'INFO',
    fields: ['used_memory', 'maxmemory', 'mem_fragmentation_ratio'],
  },
  target: from.info('memory'),
};
const clients = {
  source: { key: 'INFO', fields: ['connected_clients', 'blocked_clients'] },
  target: from.info('clients'),
};

const alarm = { thresholds: thresholds([[1, 'red']]) };
const notice = { thresholds: thresholds([[1, 'orange']]) };

/** What was refused, what ran away, and what failed open. */
export const safety: Dashboard = {
  uid: 'toolturn-safety',
  title: 'Safety',
  description:
    'What was denied and to whom, which limits were reached, and where requests went on without tools.',
  variables: [{ name: 'key', label: 'Key', set: 'keys' }],
  rows: [
    {
      panels: [
        stats(
          'In this time',
          again,
          [
            { field: 'unavailable', name: 'Without tools', more: alarm },
            { field: 'hooks_refused', name: 'Wrong secret', more: alarm },
            { field: 'err_unknown_fate', name: 'Fate unknown', more: alarm },
            { field: 'err_denied', name: 'Denied', more: notice },
            { field: 'limit_rounds', name: 'Limit of rounds', more: notice },
            { field: 'limit_calls', name: 'Limit of calls', more: notice },
            { field: 'limit_seconds', name: 'Limit of seconds', more: notice },
          ],
          {
            calc: 'sum',
            size: [16, 4],
            description:
              'Without tools: the door could not reach hook-service and let the request through. Wrong secret: requests to hook-service that it refused.',
          },
        ),
        stats(
          'Now',
          now,
          [
            { field: 'tools_withheld', name: 'Tools withheld', more: notice },
            { field: 'redis', name: 'Redis' },
            { field: 'queue', name: 'Rows waiting' },
          ],
          {
            size: [8, 4],
            description:
              'Withheld: the definition changed and nobody has accepted it. No data: nobody writes.',
          },
        ),
        bars('Limits reached, per 10 s', first, [
          { field: 'limit_rounds', name: 'Rounds', color: 'yellow' },
          { field: 'limit_calls', name: 'Calls', color: 'orange' },
          { field: 'limit_seconds', name: 'Seconds', color: 'dark-orange' },
          { field: 'limit_tokens', name: 'Tokens', color: 'light-orange' },
          { field: 'limit_repeats', name: 'Equal calls', color: 'dark-yellow' },
          { field: 'limit_rate', name: 'Calls a minute', color: 'light-yellow' },
          { field: 'limit_cost', name: 'Cost', color: 'super-light-orange' },
          { field: 'limit_bytes', name: 'Result bytes', color: 'semi-dark-orange' },
          { field: 'limit_conversation', name: 'Conversation', color: 'semi-dark-yellow' },
          { field: 'limit_key', name: 'Key', color: 'super-light-yellow' },
        ]),
        bars(
          'Failing open, per 10 s',
          again,
          [
            { field: 'unavailable', name: 'Requests without tools', color: 'red' },
            { field: 'hooks_refused', name: 'Wrong secret', color: 'purple' },
            { field: 'door_dropped', name: 'Model calls not reported', color: 'orange' },
          ],
          {
            description:
              'Also how many model calls the door could not report, so that their cost is missing.',
          },
        ),
        bars('Calls that were not run, per 10 s', again, [
          { field: 'err_denied', name: 'Denied', color: 'blue' },
          { field: 'err_invalid_arguments', name: 'Bad arguments', color: 'yellow' },
          { field: 'err_unknown_tool', name: 'No such tool', color: 'light-blue' },
          { field: 'err_limit', name: 'Limit', color: 'orange' },
        ]),
        bars(
          'Calls twice or half, per 10 s',
          again,
          [
            { field: 'replayed', name: 'The same call again, not run', color: 'green' },
            { field: 'err_unknown_fate', name: 'Not known whether it ran', color: 'red' },
            { field: 'cut', name: 'Result was cut', color: 'blue' },
          ],
          { description: 'A call is run once. What a broken connection leaves open is told to the model.' },
        ),
        bars(
          'Questions to people, per 10 s',
          again,
          [
            { field: 'approvals_asked', name: 'Asked', color: 'blue' },
            { field: 'approvals_approved', name: 'Approved', color: 'green' },
            { field: 'approvals_declined', name: 'Declined', color: 'orange' },
            { field: 'approvals_expired', name: 'Not answered in time', color: 'red' },
          ],
          { size: [24, 7], description: 'Calls of tools that are marked for approval.' },
        ),
      ],
    },
    {
      title: 'One key: $key',
      panels: [
        bars(
          '$key: calls, per 10 s',
          ofKey,
          [
            { field: 'denied', name: 'Denied', color: 'blue' },
            { field: 'errors', name: 'All failures', color: 'red' },
          ],
          { size: [24, 7] },
        ),
      ],
    },
    {
      title: 'Redis and the metrics themselves',
      panels: [
        stats(
          'Redis: memory',
          memory,
          [
            { field: 'used_memory', name: 'Used', unit: 'bytes' },
            { field: 'maxmemory', name: 'Limit', unit: 'bytes' },
            { field: 'mem_fragmentation_ratio', name: 'Fragmentation' },
          ],
          { size: [8, 6], description: 'A limit of 0 is none.' },
        ),
        stats(
          'Redis: connections',
          clients,
          [
            { field: 'connected_clients', name: 'Connections' },
            { field: 'blocked_clients', name: 'Blocked' },
          ],
          { size: [4, 6] },
        ),
        lines(
          'Metrics that were lost, per 10 s',
          again,
          [
            { field: 'metrics_dropped', name: 'Rows dropped' },
            { field: 'late_buckets', name: 'Buckets too late' },
            { field: 'replicas', name: 'Replicas' },
          ],
          { size: [12, 6] },
        ),
      ],
    },
    {
      title: 'The last denied calls',
      panels: [
        table('The last denied calls', callsAgain, callColumns, { more: [where('error_type', 'denied')] }),
        table('The last calls with an unknown fate', calls, callColumns, {
          more: [where('error_type', 'unknown_fate')],
        }),
      ],
    },
  ],
};
