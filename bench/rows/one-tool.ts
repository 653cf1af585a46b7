import type { Subject } from '../load/job';
import { latencies, rates, ratesOfPairs, ratio, ratioOfRates, type BySubject, type Row } from './row';
import { loop, names, newest, ours } from './subjects';

const form = { kind: 'tool', client: 'sdk' } as const;
const lean = { ...form, client: 'lean' } as const;

/** A turn with one call, against a client that would do it itself. */
export const oneTool: Row = {
  name: 'one-tool',
  title: 'One-tool turn',
  async run(context) {
    const [us, them] = [await ours(context, form), await loop(context, form)];
    const leanOnes = [await ours(context, lean), await loop(context, lean)];
    const others = await newest(context, form);
    const subjects = [us, them, ...leanOnes, ...others];
    const total = (await latencies(context, subjects, { rounds: 40, each: 5 }))('total');
    const pairs = await ratesOfPairs(context, async (each) => [
      await ours(each, form),
      await loop(each, form),
    ]);
    const perSecond = (of: readonly Subject[], blocks: number) =>
      rates(context, of, { clients: 16, blocks, seconds: 2.5 });
    const compared = (found: BySubject, to: string, against: string, isReference = false) => [
      ratio('p50, 1 client', total, to, against, isReference ? { reach: { most: 1 } } : {}),
      ratioOfRates('turns/s, 16 clients', found, to, against, {
        unit: 'per second',
        ...(isReference ? { reach: { least: 1 } } : {}),
      }),
    ];
    const main = compared(pairs, names.ours, names.loop, true);
    const leanly = compared(await perSecond(leanOnes, 10), names.leanOurs, names.lean);
    const toOthers = others.length === 0 ? {} : await perSecond([us, ...others], 6);
    return {
      figures: [...main, ...leanly, ...others.flatMap(({ name }) => compared(toOthers, names.ours, name))],
    };
  },
};
