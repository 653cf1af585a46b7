import { z } from 'zod';
import { defineTool, ToolFailure } from '../../../kit/src/tool';
import type { Netdata } from '../netdata';

/** What a person looks at first. */
const usual = ['system.cpu', 'system.ram', 'system.load', 'system.io', 'system.net', 'disk_space._'];

/** `get_system_metrics`: charts of the host, summed up. */
export const systemMetricsTool = (netdata: Netdata) =>
  defineTool({
    name: 'get_system_metrics',
    description:
      'Metrics of the host, for each chart and dimension the last value and its average, least and most. Without charts: CPU, memory, load, disk, network.',
    input: z.object({
      charts: z
        .array(z.string().min(1).max(200))
        .max(20)
        .optional()
        .describe('Names of charts, such as system.cpu'),
      after: z.number().int().min(10).max(86_400).default(600).describe('How far back, in seconds'),
    }),
    async run({ charts, after }, signal) {
      const known = await netdata.charts(signal);
      const wanted = charts ?? usual.filter((name) => known.has(name));
      const unknown = wanted.filter((name) => !known.has(name));
      if (unknown.length > 0)
        throw new ToolFailure(`${unknown.join(', ')}: no such chart. ${similar(unknown, known)}`);
      const summaries = await Promise.all(wanted.map((name) => netdata.chart(name, after, signal)));
      return { seconds: after, charts: summaries.map((each) => ({ ...each, units: known.get(each.chart) })) };
    },
  });

/** Charts of the same family, or the families there are. */
function similar(unknown: readonly string[], known: ReadonlyMap<string, string>): string {
  const families = new Set(unknown.map((name) => name.split('.', 1)[0]));
  const near = [...known.keys()].filter((name) => families.has(name.split('.', 1)[0]));
  if (near.length > 0) return `There are: ${near.slice(0, 60).join(', ')}.`;
  const all = new Set([...known.keys()].map((name) => name.split('.', 1)[0]));
  return `There are charts of: ${[...all].slice(0, 60).join(', ')}.`;
}
