import type { RunningHookService } from '../../scripts/src/hook-service';
import { preCalls } from './hook-subjects';
import { added, latencies, ratio, type Row } from './row';

const servers = 5;
/** Tools of all servers together. */
const sizes = [0, 10, 100, 1_000] as const;
const nameOf = (tools: number): string => (tools === 0 ? 'no tools' : `${tools.toLocaleString('en')} tools`);

/** Keys with grants of their own: four of the five servers, and of the first one two tools. */
const callers = Array.from({ length: 100 }, (_, index) => ({
  hash: `hash-of-key-${index}`,
  alias: `key-${index}`,
  user: `user-${index}`,
  grants: [
    {
      mcp_servers: Array.from({ length: servers }, (_none, server) => `s${server}`).filter(
        (_name, server) => server !== (index % (servers - 1)) + 1,
      ),
      mcp_tool_permissions: { s0: ['lookup', `tool_${index}`] },
    },
  ],
}));

/** The offer, made for many keys out of many tools. */
export const catalog: Row = {
  name: 'catalog',
  title: 'Catalog of 1,000 tools, 100 keys, before the call',
  async run(context) {
    const { lab } = context;
    const redis = await lab.redis();
    const hooks: RunningHookService[] = [];
    for (const tools of sizes) {
      const url = lab.toolsUrl(tools / servers);
      const entries = Array.from({ length: tools === 0 ? 0 : servers }, (_, server) => [
        `s${server}`,
        { url, transport: 'http' },
      ]);
      hooks.push(await lab.hook({ redis, servers: Object.fromEntries(entries) as Record<string, object> }));
    }
    const asked = sizes.map((tools, at) => preCalls(lab, hooks[at]?.url ?? '', nameOf(tools), { callers }));
    const times = await latencies(context, asked, { rounds: 40, each: 10, warmUp: 1_500 });
    await lab.stop(...hooks, redis);
    const [total, bytes] = [times('total'), times('bytes')];
    const many = nameOf(1_000);
    return {
      figures: [
        added('p50 added', total, many, nameOf(0), { reach: { most: 1 } }),
        added('p50 added', total, nameOf(10), nameOf(0)),
        ratio('p50', total, many, nameOf(100), { reach: { most: 1.1 } }),
        ratio('bytes of the answer', bytes, many, nameOf(100), { unit: 'bytes', reach: { most: 1.1 } }),
        added('bytes of the answer', bytes, many, nameOf(0), { unit: 'bytes' }),
      ],
      notes: [
        'Each request comes under the next of 100 keys, with grants of its own.',
        'Flat in the number of tools means: ten times as many tools cost a tenth more at most. From `catalog.search_above_tokens` on the offer is two tools that search; ten tools are offered as they are.',
      ],
    };
  },
};
