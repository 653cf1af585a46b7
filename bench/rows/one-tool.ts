import { latencies, rates, ratio, type Row } from './row';
import { loop, names, newest, ours } from './subjects';

const form = { kind: 'tool' };

/** A turn with one call, against a client that would do it itself. */
export const oneTool: Row = {
  name: 'one-tool',
  title: 'One-tool turn',
  async run(context) {
    const subjects = [
      await ours(context, form),
      await loop(context, form),
      await loop(context, form, { client: 'raw' }),
      ...(await newest(context, form)),
    ];
    const total = (await latencies(context, subjects, { rounds: 40, each: 5 }))('total');
    const perSecond = await rates(context, subjects, { clients: 16, blocks: 10, seconds: 2.5 });
    const others = subjects.slice(1).map(({ name }) => name);
    return {
      figures: others.flatMap((against) => {
        const isReference = against === names.loop;
        return [
          ratio('p50, 1 client', total, names.ours, against, isReference ? { reach: { most: 1 } } : {}),
          ratio('turns/s, 16 clients', perSecond, names.ours, against, {
            unit: 'per second',
            ...(isReference ? { reach: { least: 1 } } : {}),
          }),
        ];
      }),
    };
  },
};
