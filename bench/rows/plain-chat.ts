import { latencies, rates, ratio, type Row } from './row';
import { bare, names, newest, ours, toolless } from './subjects';

const form = { kind: 'plain' };
const again = `${names.bare}, again`;

/** What having tools costs a request that does not use them. */
export const plainChat: Row = {
  name: 'plain-chat',
  title: 'Plain chat, tools attached, not called',
  async run(context) {
    const same = await bare(context, form);
    const subjects = [
      await ours(context, form),
      same,
      await toolless(context, form),
      ...(await newest(context, form)),
    ];
    // The same once more: how far two equal things seem apart tells what a difference is worth.
    const times = await latencies(context, [...subjects, { ...same, name: again }], { rounds: 40, each: 10 });
    const total = times('total');
    const perSecond = await rates(context, subjects, { clients: 16, blocks: 10, seconds: 2.5 });
    const others = subjects.slice(1).map(({ name }) => name);
    return {
      figures: others
        .flatMap((against) => {
          const isReference = against === names.bare;
          return [
            ratio('p50, 1 client', total, names.ours, against, isReference ? { reach: { most: 1.03 } } : {}),
            ratio('requests/s, 16 clients', perSecond, names.ours, against, {
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
