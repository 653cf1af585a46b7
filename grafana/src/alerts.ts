import { redis } from './panel';
import { rollup } from './targets';

/** A rule of Grafana's alerting: what is asked, when it fires, and what people read. */
interface Rule {
  readonly uid: string;
  readonly title: string;
  readonly severity: 'critical' | 'warning';
  readonly summary: string;
  readonly description: string;
  /** Which dashboard shows it. */
  readonly dashboard: string;
  readonly queries: readonly Query[];
  /** Over the letters of the queries, in Grafana's math; anything but 0 fires. */
  readonly fires: string;
  readonly for: string;
  /** A query fails where Redis is away or nobody writes. Only the rules that are about this fire then. */
  readonly whenQueryFails: 'OK' | 'Alerting';
}

type Query = {
  readonly model: Readonly<Record<string, unknown>>;
  readonly seconds: number;
  readonly sum: boolean;
};

/** One number, now. */
function value(model: Readonly<Record<string, unknown>>): Query {
  return { model: { datasource: redis, ...model }, seconds: 300, sum: false };
}

/**
 * A field of the rows of the last minutes, summed. The alert engine takes no text beside numbers, and every row has
 * its id as text; of a query that is marked as streaming the plugin gives this field and a time alone. Nothing streams:
 * that happens in browsers.
 */
function sum(field: string, minutes: number): Query {
  if (!rollup.fields.includes(field)) throw new Error(`${rollup.key} has no field ${field}.`);
  const model = { type: 'command', command: 'xrange', keyName: rollup.key, field };
  return {
    model: { datasource: redis, ...model, streaming: true, streamingDataType: 'TimeSeries' },
    seconds: minutes * 60,
    sum: true,
  };
}

const gauge = (field: string): Query =>
  value({ type: 'command', command: 'hget', keyName: 'toolturn:gauges', field });
const line = (query: string): Query => value({ type: 'cli', query });

export const rules: readonly Rule[] = [
  {
    uid: 'toolturn-silent',
    title: 'hook-service is silent',
    severity: 'critical',
    summary: 'No hook-service has written metrics for a minute.',
    description:
      'It does not run, or it has lost Redis. Requests go on without tools while it is away: look at /health of hook-service, then at its log.',
    dashboard: 'toolturn-turns',
    queries: [line('EXISTS toolturn:gauges')],
    fires: '$A == 0',
    for: '1m',
    whenQueryFails: 'OK',
  },
  {
    uid: 'toolturn-redis',
    title: 'Redis is lost',
    severity: 'critical',
    summary: 'Grafana cannot ask Redis.',
    description:
      'Redis does not run, or refuses the user grafana. hook-service goes on with its memory: what is kept there is lost at a restart.',
    dashboard: 'toolturn-safety',
    queries: [line('DBSIZE')],
    fires: '$A < 0',
    for: '1m',
    whenQueryFails: 'Alerting',
  },
  {
    uid: 'toolturn-server-down',
    title: 'An MCP server is down',
    severity: 'warning',
    summary: '{{ $values.A.Value }} of {{ $values.B.Value }} MCP servers are up.',
    description: 'Its tools are not on offer. The dashboard says which server it is, since when, and why.',
    dashboard: 'toolturn-servers',
    queries: [gauge('servers_up'), gauge('servers_total')],
    fires: '$A < $B',
    for: '2m',
    whenQueryFails: 'OK',
  },
  {
    uid: 'toolturn-tool-errors',
    title: 'Many tool calls fail',
    severity: 'warning',
    summary: 'More than a quarter of the tool calls of the last 10 minutes failed.',
    description: 'The dashboard says which tools fail, and how. Counted from 10 calls on.',
    dashboard: 'toolturn-tools',
    queries: [sum('errors', 10), sum('calls', 10)],
    fires: '$B >= 10 && $A > $B * 0.25',
    for: '2m',
    whenQueryFails: 'OK',
  },
  {
    uid: 'toolturn-turn-errors',
    title: 'Many turns fail',
    severity: 'critical',
    summary: 'More than a tenth of the turns of the last 10 minutes ended with an error.',
    description:
      'Clients got an error instead of an answer. The lines "turn finished" of hook-service say why.',
    dashboard: 'toolturn-turns',
    queries: [sum('turn_errors', 10), sum('turns', 10)],
    fires: '$B >= 5 && $A > $B * 0.1',
    for: '2m',
    whenQueryFails: 'OK',
  },
  {
    uid: 'toolturn-limits',
    title: 'Turns run into their limits',
    severity: 'warning',
    summary:
      'At least 5 turns of the last 15 minutes ended at a limit: of their own, of their conversation or of their key.',
    description:
      'A model goes round in circles, or the limits are too narrow for the work. The dashboard says which limit it is.',
    dashboard: 'toolturn-safety',
    queries: [
      ...['limit_rounds', 'limit_calls', 'limit_seconds', 'limit_tokens', 'limit_repeats'],
      ...['limit_cost', 'limit_bytes', 'limit_conversation', 'limit_key'],
    ].map((field) => sum(field, 15)),
    fires: '$A + $B + $C + $D + $E + $F + $G + $H + $I >= 5',
    for: '0s',
    whenQueryFails: 'OK',
  },
  {
    uid: 'toolturn-open',
    title: 'The door fails open',
    severity: 'critical',
    summary: 'LiteLLM let requests through without tools, because hook-service did not answer.',
    description: 'As the door told after hook-service was back. LiteLLM logged each with the kind of error.',
    dashboard: 'toolturn-safety',
    queries: [sum('unavailable', 10)],
    fires: '$A > 0',
    for: '0s',
    whenQueryFails: 'OK',
  },
  {
    uid: 'toolturn-secret',
    title: 'Requests with a wrong secret',
    severity: 'critical',
    summary: 'hook-service refused requests with a wrong secret.',
    description: 'The secrets of door and hook-service differ, or somebody tries the port.',
    dashboard: 'toolturn-safety',
    queries: [sum('hooks_refused', 10)],
    fires: '$A > 0',
    for: '0s',
    whenQueryFails: 'OK',
  },
];

/** The file that Grafana reads at its start. */
export function alerting(): object {
  return {
    apiVersion: 1,
    groups: [{ orgId: 1, name: 'toolturn', folder: 'Toolturn', interval: '1m', rules: rules.map(ruleJson) }],
  };
}

function ruleJson(rule: Rule): object {
  const { uid, title, severity, summary, description, dashboard, queries, fires } = rule;
  const asked = queries.flatMap((query, index) =>
    queryJson(query, String.fromCharCode('A'.charCodeAt(0) + index)),
  );
  return {
    uid,
    title,
    condition: 'fires',
    data: [...asked, expression('fires', { type: 'math', expression: fires })],
    noDataState: rule.whenQueryFails,
    execErrState: rule.whenQueryFails,
    for: rule.for,
    labels: { severity, product: 'toolturn' },
    annotations: { summary, description, dashboard: `/d/${dashboard}` },
    isPaused: false,
  };
}

/** A query, and where it has rows what they come to: the letter is always the number. */
function queryJson({ model, seconds, sum: isSum }: Query, letter: string): readonly object[] {
  const refId = isSum ? `${letter}_rows` : letter;
  const query = {
    refId,
    relativeTimeRange: { from: seconds, to: 0 },
    datasourceUid: redis.uid,
    model: { refId, ...model },
  };
  if (!isSum) return [query];
  const settings = { mode: 'dropNN' };
  return [query, expression(letter, { type: 'reduce', expression: refId, reducer: 'sum', settings })];
}

function expression(refId: string, model: object): object {
  const datasource = { type: '__expr__', uid: '__expr__' };
  return {
    refId,
    relativeTimeRange: { from: 0, to: 0 },
    datasourceUid: '__expr__',
    model: { refId, datasource, ...model },
  };
}
