import { loki, type Dashboard, type Panel } from './panel';

/** Lines of hook-service; the label is the container's name. */
const lines = '{service=~".*hook-service.*"}';
const turns = `${lines} | json | message="turn finished"`;

/** What the logs say, where Loki keeps them. Grafana shows nothing here without. */
export const logs: Dashboard = {
  uid: 'toolturn-logs',
  title: 'Logs',
  description: 'Requests, latency and tool work from the log lines in Loki, and the lines of one turn.',
  variables: [],
  search: { name: 'turn', label: 'Turn, or any other text' },
  rows: [
    {
      panels: [
        counted('Turns, by dialect', `sum by (dialect) (count_over_time(${turns} [$__interval]))`),
        counted('Turns, by end', `sum by (end) (count_over_time(${turns} [$__interval]))`),
        counted('Tool calls in turns', `sum(sum_over_time(${turns} | unwrap calls [$__interval]))`),
        counted(
          'Turns: how long, 95 %',
          `quantile_over_time(0.95, ${turns} | unwrap ms [$__interval]) by (dialect)`,
          'ms',
        ),
        counted(
          'Denied calls, by tool',
          `sum by (server, tool) (count_over_time(${lines} | json | message="a tool call was denied" [$__interval]))`,
        ),
        counted(
          'Lines, by service and level',
          'sum by (service, level) (count_over_time({project="litellm"} [$__interval]))',
        ),
      ],
    },
    {
      panels: [
        listed('Warnings and errors', '{project="litellm", level=~"warn|error"}'),
        listed('Lines with $turn', '{project="litellm"} |= "$turn"'),
      ],
    },
  ],
};

function counted(title: string, expr: string, unit = 'short'): Panel {
  return {
    ...asked(title, expr, 'range'),
    type: 'timeseries',
    fieldConfig: {
      defaults: { unit, min: 0, custom: { drawStyle: 'line', fillOpacity: 8, showPoints: 'never' } },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', calcs: [], showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    size: [8, 8],
  };
}

function listed(title: string, expr: string): Panel {
  return {
    ...asked(title, expr, 'range'),
    type: 'logs',
    fieldConfig: { defaults: {}, overrides: [] },
    options: {
      showTime: true,
      wrapLogMessage: true,
      prettifyLogMessage: false,
      enableLogDetails: true,
      dedupStrategy: 'none',
      sortOrder: 'Descending',
      showLabels: false,
      showCommonLabels: false,
    },
    size: [24, 10],
  };
}

function asked(title: string, expr: string, queryType: string) {
  return {
    title,
    datasource: loki,
    targets: [{ refId: 'A', datasource: loki, expr, queryType, editorMode: 'code' }],
    transformations: [],
  };
}
