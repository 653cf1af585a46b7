import type { FieldValue, MetricWrite } from '../core/metric-store';
import type { PartHealth } from '../core/ports';
import { kept, prefix } from './batch';
import { decimal } from './fields';
import { safeName } from './names';

/** The state of this replica's parts; servers by their public names. */
export interface Parts {
  readonly servers: Readonly<Record<string, PartHealth>>;
  readonly version: string;
}

/** What one replica adds to the gauges of all. */
export const replicaGauges = ['inflight', 'active_conversations', 'queue'] as const;

export const isUp = ({ state }: PartHealth): boolean => state === 'ready';
/** A server that the config switches off is neither up nor down. */
export const counts = ({ state }: PartHealth): boolean => state !== 'disabled';
export const toolsOf = ({ tools }: PartHealth): number => (typeof tools === 'number' ? tools : 0);
const withheldOf = ({ withheld }: PartHealth): number => (typeof withheld === 'number' ? withheld : 0);

/** What the gauges of all replicas together say; whoever leads writes them. */
export function gaugeWrites(
  replicas: readonly Readonly<Record<string, string>>[],
  { servers, version }: Parts,
  now: number,
): MetricWrite[] {
  const sum = (name: string): number => replicas.reduce((all, each) => all + (Number(each[name]) || 0), 0);
  const known = Object.values(servers).filter(counts);
  const numbers: Readonly<Record<string, number>> = {
    ...Object.fromEntries(replicaGauges.map((name) => [name, sum(name)])),
    servers_up: known.filter(isUp).length,
    servers_total: known.length,
    tools: known.reduce((all, part) => all + toolsOf(part), 0),
    tools_withheld: known.reduce((all, part) => all + withheldOf(part), 0),
    replicas: replicas.length,
    updated_at_ms: now,
  };
  const gauges: FieldValue[] = [
    ...Object.entries(numbers).map(([name, value]): FieldValue => [name, decimal(value)]),
    ['version', safeName(version)],
    ['redis', 'ready'],
  ];
  return [
    { do: 'set', key: `${prefix}gauges`, ttl: kept.gauges, fields: gauges },
    ...Object.entries(servers).map(([name, part]): MetricWrite => ({
      do: 'set',
      key: `${prefix}server:${safeName(name)}`,
      ttl: kept.gauges,
      fields: [
        ['state', part.state],
        ['reason', safeName(part.reason ?? '')],
        ['up', isUp(part) ? '1' : '0'],
        ['tools', decimal(toolsOf(part))],
        ['updated_at_ms', decimal(now)],
      ],
    })),
  ];
}
