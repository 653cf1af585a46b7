import { figure, type Figure } from '../figures';
import type { Subject } from '../load/job';
import { cpuSeconds } from '../parts/cpu';
import { keptOfTurns } from '../parts/redis-watch';
import { differenceOfMedians, medianOf, ratioOfMedians, type Rounds } from '../stats';
import { medianWithSpan, warmed, type Context, type Row } from './row';
import { bare, loop, names, ours, toolless } from './subjects';

/** Who used CPU, and the seconds per 1,000 requests or turns in each block. */
type Used = Record<string, number[][]>;

const parts = {
  withDoor: 'LiteLLM with the door',
  alone: 'LiteLLM alone',
  noTools: 'LiteLLM alone, no tools',
  hook: 'hook-service',
  redis: 'Redis',
  tools: 'the MCP server',
} as const;

const clientOf = ({ name }: Pick<Subject, 'name'>): string => `the client: ${name}`;

/** CPU time, which a busy machine falsifies less than the time that passes. */
export const cpu: Row = {
  name: 'cpu',
  title: 'CPU of 1,000 one-tool turns and of 1,000 plain chats',
  async run(context) {
    const { lab, costs } = context;
    const stack = await lab.usual();
    const alone = await lab.bare();
    const hookPid = stack.hooks[0]?.pid ?? 0;
    const ofOurs = {
      [parts.withDoor]: stack.proxy.pid,
      [parts.hook]: hookPid,
      [parts.redis]: stack.redis.pid,
      [parts.tools]: lab.tools.pid,
    };
    const turns = await blocks(context, [
      [await ours(context, { kind: 'tool', client: 'sdk' }), ofOurs],
      [await loop(context, { kind: 'tool' }), { [parts.alone]: alone.pid }],
    ]);
    const { [parts.tools]: _, ...served } = ofOurs;
    const chats = await blocks(context, [
      [await ours(context, { kind: 'plain' }), served],
      [await bare(context, { kind: 'plain' }), { [parts.alone]: alone.pid }],
      [await toolless(context, { kind: 'plain' }), { [parts.noTools]: alone.pid }],
    ]);
    const before = await keptOfTurns(stack.redis.url);
    const counted = await lab.load.block({
      subject: await ours(context, { kind: 'tool' }),
      clients: 4,
      requests: context.many(500),
    });
    const after = await keptOfTurns(stack.redis.url);
    for (const [kind, { bytes, seconds }] of Object.entries(after)) {
      costs[`redisBytesPerTurn.${kind}`] = (bytes - (before[kind]?.bytes ?? 0)) / counted.requests;
      costs[`redisSecondsKept.${kind}`] = seconds;
    }
    for (const [name, part] of [
      ['litellm', parts.withDoor],
      ['litellmAlone', parts.alone],
      ['hook', parts.hook],
      ['redis', parts.redis],
      ['tools', parts.tools],
    ] as const)
      costs[`cpuSecondsPerTurn.${name}`] = medianOf(turns[part] ?? []).value / 1_000;
    costs['cpuSecondsPerChat.litellm'] = medianOf(chats[parts.withDoor] ?? []).value / 1_000;
    costs['cpuSecondsPerChat.hook'] = medianOf(chats[parts.hook] ?? []).value / 1_000;
    return {
      figures: [...of('turns', turns), ...of('plain chats', chats)],
      notes: [
        `The door is what “${parts.withDoor}” uses more than “${parts.alone}”, which a client-side loop asks for the same rounds. Both include parsing the request, calling the provider and logging.`,
        'Four clients; CPU time from /proc, of each process with its descendants.',
      ],
    };
  },
};

async function blocks(
  { lab, many, seconds }: Context,
  subjects: readonly (readonly [Subject, Readonly<Record<string, number>>])[],
): Promise<Used> {
  const used: Used = {};
  for (const [subject] of subjects) {
    await warmed({ lab }, subject, 4);
    // Until what they run is compiled.
    await lab.load.block({ subject, clients: 4, requests: many(200) });
  }
  let turned = subjects;
  for (let block = 0; block < many(8); block += 1) {
    turned = [...turned].reverse();
    for (const [subject, pids] of turned) {
      const entries = Object.entries(pids);
      const before = entries.map(([, pid]) => cpuSeconds(pid));
      const { requests, cpu: client } = await lab.load.block({ subject, clients: 4, seconds: seconds(3) });
      (used[clientOf(subject)] ??= []).push([(client / requests) * 1_000]);
      entries.forEach(([part, pid], at) => {
        (used[part] ??= []).push([((cpuSeconds(pid) - (before[at] ?? 0)) / requests) * 1_000]);
      });
    }
  }
  return used;
}

function of(what: string, used: Used): Figure[] {
  const rounds = (part: string): Rounds => used[part] ?? [];
  const spans = (...of: string[]) => of.map((part) => medianWithSpan(part, rounds(part), 's'));
  const { withDoor, alone } = parts;
  const ours = sum(rounds(withDoor), rounds(parts.hook), rounds(parts.redis));
  const others = [names.loop, names.bare].filter((name) => clientOf({ name }) in used);
  const single = Object.keys(used).map((part) =>
    figure({
      what: `CPU of 1,000 ${what}`,
      subject: part,
      unit: 's',
      ...medianOf(rounds(part)),
      of: spans(part),
    }),
  );
  return [
    figure({
      what: `CPU of 1,000 ${what}: the door`,
      subject: withDoor,
      against: alone,
      unit: 's',
      ...differenceOfMedians(rounds(withDoor), rounds(alone)),
      of: spans(withDoor, alone),
    }),
    figure({
      what: `CPU of ${what}, clients not counted`,
      subject: names.ours,
      against: alone,
      unit: 'ratio',
      ...ratioOfMedians(ours, rounds(alone)),
      of: [],
    }),
    ...others.map((name) =>
      figure({
        what: `CPU of ${what}, the client’s own counted too`,
        subject: names.ours,
        against: name,
        unit: 'ratio',
        ...ratioOfMedians(
          sum(ours, rounds(clientOf({ name: names.ours }))),
          sum(rounds(alone), rounds(clientOf({ name }))),
        ),
        of: [],
      }),
    ),
    ...single,
  ];
}

/** Of each block what the parts used together. */
function sum(...all: readonly Rounds[]): Rounds {
  return (all[0] ?? []).map((_, block) => [
    all.reduce((total, rounds) => total + (rounds[block]?.[0] ?? 0), 0),
  ]);
}
