import { latencies, ratio, withPairs, type Row } from './row';
import { bare, names, ours, toolless } from './subjects';

/** A stream without calls, which passes through the door's hands chunk by chunk. */
export const plainStream: Row = {
  name: 'plain-stream',
  title: 'Plain stream, 300 chunks',
  async run(context) {
    const form = { kind: 'chunks', stream: true };
    const main = await withPairs(context, async (each) => [await ours(each, form), await bare(each, form)], {
      rounds: 25,
      each: 4,
      warmUp: 10,
    });
    const others = [await ours(context, form), await toolless(context, form)];
    const toToolless = await latencies(context, others, { rounds: 15, each: 4, warmUp: 10 });
    return {
      figures: (
        [
          ['first', 'first chunk, 1 client'],
          ['total', 'total, 1 client'],
        ] as const
      ).flatMap(([field, what]) => [
        ratio(what, main.times(field), names.ours, names.bare, {
          reach: { most: 1.05 },
        }),
        ratio(what, toToolless(field), names.ours, names.toolless),
      ]),
    };
  },
};
