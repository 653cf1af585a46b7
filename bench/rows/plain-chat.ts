import { latencies, rates, ratesOfPairs, ratio, ratioOfRates, type Row } from './row';
import { bare, names, newest, ours, toolless } from './subjects';

const form = { kind: 'plain' };
const again = `${names.bare}, again`;

/** What having tools costs a request that does not use them. */
export const plainChat: Row = {
  name: 'plain-chat',
  title: 'Plain chat, tools attached, not called',
  async run(context) {
    const [us, same] = [await ours(context, form), await bare(context, form)];
    const further = [await toolless(context, form), ...(await newest(context, form))];
    // The same once more: how far two equal things seem apart tells what a difference is worth.
    const times = await latencies(context, [us, same, ...further, { ...same, name: again }], {
      rounds: 40,
      each: 10,
    });
    const total = times('total');
    const compared = await ratesOfPairs(context, async (each) => [
      await ours(each, form),
      await bare(each, form),
    ]);
    const rest = await rates(context, [us, ...further], { clients: 16, blocks: 6, seconds: 2.5 });
    return {
      figures: [same, ...further]
        .flatMap(({ name: against }) => {
          const isReference = against === names.bare;
          return [
            ratio('p50, 1 client', total, names.ours, against, isReference ? { reach: { most: 1.03 } } : {}),
            ratioOfRates('requests/s, 16 clients', isReference ? compared : rest, names.ours, against, {
              unit: 'per second',
              ...(isReference ? { reach: { least: 0.97 } } : {}),
            }),
          ];
        })
        .concat(ratio('p50, 1 client', total, again, names.bare)),
      notes: [
        `“${again}” is a second client of the very same proxy: what this ratio differs from 1.00 is noise.`,
      ],
    };
  },
};
