import { figure, type Figure } from '../figures';
import { residentBytes } from '../parts/cpu';
import { bootstrap, median, slope } from '../stats';
import { hookTurns } from './hook-subjects';
import type { Row } from './row';

const turns = 10_000;
/** What counts as flat; what V8 keeps for itself comes and goes by more than one would think. */
const mostGrowth = 5;

/** Whether hook-service keeps what it should let go. */
export const memory: Row = {
  name: 'memory',
  title: 'Memory of hook-service over 10,000 one-tool turns',
  async run({ lab, many }) {
    const redis = await lab.redis();
    const hook = await lab.hook({ redis });
    const subject = hookTurns(lab, hook.url, 'hook-service');
    const step = many(turns) / 40;
    const points: [number, number][] = [];
    for (let done = 0; done < many(turns); done += step) {
      await lab.load.block({ subject, clients: 8, requests: step });
      points.push([(done + step) / turns, residentBytes(hook.pid) / 2 ** 20]);
    }
    await lab.stop(hook, redis);
    // By then code is compiled and pools are full.
    const warm = points.slice(points.length / 2);
    const at = points.slice(-8).map(([, megabytes]) => megabytes);
    return {
      figures: [
        resident(at),
        figure({
          what: 'growth, second half',
          subject: 'hook-service',
          unit: 'MB per 10,000 turns',
          ...bootstrap(warm.length, (picked) => slope(picked.flatMap((index) => [warm[index] ?? [0, 0]]))),
          reach: { most: mostGrowth },
          of: [],
        }),
      ],
      notes: [
        'The turns go straight to its hooks, as the door sends them, at 8 clients; the provider stands in LiteLLM’s place. Node is started as it comes, without limits for its heap.',
        `Flat means: the line of least squares through the second half rises by ${mostGrowth} MB per 10,000 turns at most.`,
      ],
    };
  },
};

function resident(at: readonly number[]): Figure {
  const [low, high] = [Math.min(...at), Math.max(...at)];
  return figure({
    what: 'resident at the end',
    subject: 'hook-service',
    unit: 'MB',
    value: median(at),
    low,
    high,
    reach: { most: 130 },
    of: [],
  });
}
