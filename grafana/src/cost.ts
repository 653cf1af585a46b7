import type { Column, Dashboard } from './panel';
import { bars, highestFirst, lines, quotient, ranking, stats, sums, table } from './panels';
import * as from from './targets';
import { turnColumns } from './turns';

const first = { source: from.rollup, target: from.range(from.rollup), id: 1 };
const again = { source: from.rollup, target: from.of(1) };
const ofKey = { source: from.keyStream, target: from.range(from.keyStream), id: 2 };
const ofKeyAgain = { source: from.keyStream, target: from.of(2) };
const ofModel = { source: from.modelStream, target: from.range(from.modelStream), id: 3 };
const ofModelAgain = { source: from.modelStream, target: from.of(3) };
const usd = 'currencyUSD';

const costs: readonly Column[] = [
  { field: 'cost_usd', name: 'Models', color: 'blue' },
  { field: 'cost_tools_usd', name: 'Tools', color: 'orange' },
];
const tokens: readonly Column[] = [
  { field: 'tokens_in', name: 'In', color: 'blue' },
  { field: 'tokens_cached', name: "Of these from the provider's cache", color: 'light-blue' },
  { field: 'tokens_out', name: 'Out', color: 'orange' },
];
const noValue = {
  mappings: [{ type: 'special', options: { match: 'nan', result: { text: '–', index: 0 } } }],
};

function list(name: string) {
  return { source: { key: name, fields: [] }, target: from.top(name) };
}

/** What it costs, and who makes it cost. */
export const cost: Dashboard = {
  uid: 'toolturn-cost',
  title: 'Cost',
  description: 'What models and tools cost, by key, model and tool, and which tokens clients never see.',
  variables: [
    { name: 'key', label: 'Key', set: 'keys' },
    { name: 'model', label: 'Model', set: 'models' },
  ],
  rows: [
    {
      panels: [
        stats(
          'In this time',
          again,
          [
            { field: 'cost_usd', name: 'Models', unit: usd },
            { field: 'cost_tools_usd', name: 'Tools', unit: usd },
            { field: 'tokens_in', name: 'Tokens in' },
            { field: 'tokens_out', name: 'Tokens out' },
            { field: 'hidden_tokens_in', name: 'Hidden in' },
            { field: 'hidden_tokens_out', name: 'Hidden out' },
          ],
          {
            calc: 'sum',
            size: [16, 4],
            description:
              'Hidden: of all rounds but the last of each turn. Clients pay for them and never see them.',
          },
        ),
        stats(
          'Means in this time',
          again,
          [
            { field: 'per turn', name: 'Models, per turn', unit: usd, more: noValue },
            { field: 'catalog', name: 'Tokens of tools, per request', more: noValue },
            { field: 'from cache', name: 'Prompt from cache', unit: 'percentunit', more: noValue },
          ],
          {
            size: [8, 4],
            more: [
              ...sums([...['cost_usd', 'turns', 'catalog_tokens', 'armed', 'tokens_cached', 'tokens_in']]),
              quotient('cost_usd', 'turns', 'per turn'),
              quotient('catalog_tokens', 'armed', 'catalog'),
              quotient('tokens_cached', 'tokens_in', 'from cache'),
            ],
            description:
              'The first divides all costs, those of requests without tools too. The definitions of tools are estimated at 4 bytes a token.',
          },
        ),
        bars('Cost, per 10 s', first, costs, { unit: usd }),
        bars('Tokens, per 10 s', again, tokens),
        ranking('Keys by cost, last hour', list('top:cost-keys'), {
          size: [6, 9],
          unit: usd,
          link: '/d/toolturn-cost?var-key=${__field.name}&${__url_time_range}',
        }),
        ranking('Models by cost, last hour', list('top:cost-models'), {
          size: [6, 9],
          unit: usd,
          link: '/d/toolturn-cost?var-model=${__field.name}&${__url_time_range}',
        }),
        ranking('Tools by cost, last hour', list('top:cost-tools'), {
          size: [6, 9],
          unit: usd,
          link: '/d/toolturn-tools?var-tool=${__field.name}&${__url_time_range}',
        }),
        ranking('Keys by tokens, last hour', list('top:tokens-keys'), {
          size: [6, 9],
          link: '/d/toolturn-cost?var-key=${__field.name}&${__url_time_range}',
        }),
      ],
    },
    {
      title: 'One key: $key',
      panels: [
        bars('$key: cost, per 10 s', ofKey, costs, { unit: usd, size: [8, 8] }),
        bars('$key: tokens, per 10 s', ofKeyAgain, tokens, { size: [8, 8] }),
        bars(
          '$key: turns and calls, per 10 s',
          ofKeyAgain,
          [
            { field: 'turns', name: 'Turns', color: 'green' },
            { field: 'calls', name: 'Calls', color: 'blue' },
            { field: 'errors', name: 'Calls that failed', color: 'red' },
          ],
          { size: [8, 8] },
        ),
        lines(
          '$key: tokens of the definitions of tools, per request',
          ofKeyAgain,
          [{ field: 'catalog', name: 'Tokens' }],
          { size: [8, 7], more: [quotient('catalog_tokens', 'armed', 'catalog')] },
        ),
        stats(
          '$key since it is known',
          {
            source: { ...from.keyStream, key: 'toolturn:key:$key' },
            target: from.hash({ ...from.keyStream, key: 'toolturn:key:$key' }),
          },
          [
            { field: 'cost_usd', name: 'Models', unit: usd },
            { field: 'cost_tools_usd', name: 'Tools', unit: usd },
            { field: 'requests', name: 'Requests' },
            { field: 'turns', name: 'Turns' },
            { field: 'calls', name: 'Calls' },
            { field: 'tokens_in', name: 'Tokens in' },
            { field: 'tokens_out', name: 'Tokens out' },
          ],
          { size: [16, 7] },
        ),
      ],
    },
    {
      title: 'One model: $model',
      panels: [
        bars('$model: cost, per 10 s', ofModel, [{ field: 'cost_usd', name: 'Model', color: 'blue' }], {
          unit: usd,
          size: [8, 8],
        }),
        bars('$model: tokens, per 10 s', ofModelAgain, tokens, { size: [8, 8] }),
        lines(
          '$model: how long a call takes',
          ofModelAgain,
          [
            { field: 'llm_p50_ms', name: 'Median' },
            { field: 'llm_p95_ms', name: '95 %' },
            { field: 'llm_p99_ms', name: '99 %' },
          ],
          { unit: 'ms', size: [8, 8] },
        ),
      ],
    },
    {
      title: 'The dearest of the last turns',
      panels: [
        table(
          'The dearest of the last 500 turns',
          { source: from.recentTurns, target: from.newest(from.recentTurns, 500) },
          turnColumns,
          { more: [highestFirst('cost_usd')] },
        ),
      ],
    },
  ],
};
