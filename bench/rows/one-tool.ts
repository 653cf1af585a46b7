import { latencies, rates, ratio, ratioOfRates, withPairs, type BySubject, type Row } from './row';
import { loop, names, newest, ours } from './subjects';

const form = { kind: 'tool', client: 'sdk' } as const;
const lean = { ...form, client: 'lean' } as const;

/** A turn with one call, against a client that would do it itself. */
export const oneTool: Row = {
  name: 'one-tool',
  title: 'One-tool turn',
  async run(context) {
    const main = await withPairs(context, async (each) => [await ours(each, form), await loop(each, form)], {
      rounds: 20,
      each: 5,
      rates: true,
    });
    const leanOnes = [await ours(context, lean), await loop(context, lean)];
    const others = await newest(context, form);
    const withOthers = [await ours(context, form), ...others];
    const compared = (found: Found, to: string, against: string, isReference = false) => [
      ratio('p50, 1 client', found.total, to, against, isReference ? { reach: { most: 1 } } : {}),
      ratioOfRates('turns/s, 16 clients', found.perSecond, to, against, {
        unit: 'per second',
        ...(isReference ? { reach: { least: 1 } } : {}),
      }),
    ];
    const leanly = {
      total: (await latencies(context, leanOnes, { rounds: 30, each: 5 }))('total'),
      perSecond: await rates(context, leanOnes, { clients: 16, blocks: 10, seconds: 2.5 }),
    };
    const figures = [
      ...compared({ ...main, total: main.times('total') }, names.ours, names.loop, true),
      ...compared(leanly, names.leanOurs, names.lean),
    ];
    if (others.length === 0) return { figures };
    const toOthers = {
      total: (await latencies(context, withOthers, { rounds: 15, each: 5 }))('total'),
      perSecond: await rates(context, withOthers, { clients: 16, blocks: 6, seconds: 2.5 }),
    };
    return {
      figures: [...figures, ...others.flatMap(({ name }) => compared(toOthers, names.ours, name))],
    };
  },
};

interface Found {
  readonly total: BySubject;
  readonly perSecond: BySubject;
}
