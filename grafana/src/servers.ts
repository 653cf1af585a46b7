import type { Dashboard } from './panel';
import { bars, lines, stats, timeline } from './panels';
import * as from from './targets';

const first = { source: from.rollup, target: from.range(from.rollup), id: 1 };
const again = { source: from.rollup, target: from.of(1) };
const now = { source: from.gauges, target: from.hash(from.gauges) };
const state = { source: from.serverState, target: from.hash(from.serverState) };
/** A repeated panel asks for itself: there is no one panel that it could take the answer from. */
const ofServer = { source: from.serverStream, target: from.range(from.serverStream) };

const states = {
  type: 'value',
  options: Object.fromEntries(
    [
      ['ready', 'green'],
      ['starting', 'blue'],
      ['reconnecting', 'orange'],
      ['degraded', 'yellow'],
      ['incompatible', 'red'],
      ['failed', 'red'],
      ['disabled', 'text'],
    ].map(([name = '', color], index) => [name, { text: name, color, index }]),
  ),
};

/** Which MCP server is down, since when, and why. */
export const servers: Dashboard = {
  uid: 'toolturn-servers',
  title: 'Servers',
  description: 'Which MCP servers are up, since when one is down and why, and how they answer.',
  variables: [{ name: 'server', label: 'Server', set: 'servers', all: true }],
  rows: [
    {
      panels: [
        stats(
          'Now',
          now,
          [
            { field: 'servers_up', name: 'Up' },
            { field: 'servers_total', name: 'of' },
            { field: 'tools', name: 'Tools' },
            { field: 'tools_withheld', name: 'Withheld: changed' },
          ],
          { size: [8, 7] },
        ),
        lines(
          'Servers that are up',
          first,
          [
            { field: 'servers_up', name: 'Up', color: 'green' },
            { field: 'servers_total', name: 'Configured', color: 'text' },
          ],
          { size: [8, 7] },
        ),
        bars(
          'Sessions made again, per 10 s',
          again,
          [{ field: 'reconnects', name: 'Sessions', color: 'orange' }],
          {
            size: [8, 7],
          },
        ),
      ],
    },
    {
      title: '$server',
      repeat: 'server',
      panels: [
        stats(
          '$server',
          state,
          [
            { field: 'state', name: 'State', more: { mappings: [states] } },
            { field: 'reason', name: 'Reason' },
            { field: 'tools', name: 'Tools' },
          ],
          { size: [8, 4] },
        ),
        timeline('$server: up', ofServer, [{ field: 'up', name: 'Up' }], { size: [16, 4] }),
        bars(
          '$server: calls, per 10 s',
          ofServer,
          [
            { field: 'calls', name: 'Calls', color: 'green' },
            { field: 'errors', name: 'Of these failed', color: 'red' },
            { field: 'timeouts', name: 'Of these too slow', color: 'orange' },
          ],
          { size: [8, 7] },
        ),
        lines(
          '$server: how long',
          ofServer,
          [
            { field: 'p50_ms', name: 'Median' },
            { field: 'p95_ms', name: '95 %' },
            { field: 'p99_ms', name: '99 %' },
          ],
          { unit: 'ms', size: [8, 7] },
        ),
        bars(
          '$server: sessions, per 10 s',
          ofServer,
          [
            { field: 'connects', name: 'Made', color: 'green' },
            { field: 'reconnects', name: 'Made again', color: 'orange' },
            { field: 'disconnects', name: 'Lost', color: 'red' },
          ],
          { size: [8, 7] },
        ),
      ],
    },
  ],
};
