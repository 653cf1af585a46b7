import { latencies, rates, ratio, ratioOfRates, withPairs, type Row } from './row';
import { bare, names, newest, ours, toolless } from './subjects';

const form = { kind: 'plain' };
const again = `${names.bare}, again`;

/** What having tools costs a request that does not use them. */
export const plainChat: Row = {
  name: 'plain-chat',
  title: 'Plain chat, tools attached, not called',
  async run(context) {
    const main = await withPairs(context, async (each) => [await ours(each, form), await bare(each, form)], {
      rounds: 40,
      each: 10,
      rates: true,
    });
    const [us, same] = [await ours(context, form), await bare(context, form)];
    const others = [await toolless(context, form), ...(await newest(context, form))];
    // The same once more: how far two equal things seem apart tells what a difference is worth.
    const further = await latencies(context, [us, same, ...others, { ...same, name: again }], {
      rounds: 20,
      each: 10,
    });
    const toOthers = await rates(context, [us, ...others], { clients: 16, blocks: 6, seconds: 2.5 });
    return {
      figures: [
        ratio('p50, 1 client', main.times('total'), names.ours, names.bare, { reach: { most: 1.03 } }),
        ratioOfRates('requests/s, 16 clients', main.perSecond, names.ours, names.bare, {
          unit: 'per second',
          reach: { least: 0.97 },
        }),
        ...others.flatMap(({ name }) => [
          ratio('p50, 1 client', further('total'), names.ours, name),
          ratioOfRates('requests/s, 16 clients', toOthers, names.ours, name, { unit: 'per second' }),
        ]),
        ratio('p50, 1 client', further('total'), again, names.bare),
      ],
      notes: [
        `“${again}” is a second client of the very same proxy: what this ratio differs from 1.00 is noise.`,
      ],
    };
  },
};
