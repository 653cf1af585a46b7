import { latencies, rates, ratio, type Row } from './row';
import { loop, names, newest, ours } from './subjects';

const form = { kind: 'tool', client: 'sdk' } as const;
const lean = { ...form, client: 'lean' } as const;

/** A turn with one call, against a client that would do it itself. */
export const oneTool: Row = {
  name: 'one-tool',
  title: 'One-tool turn',
  async run(context) {
    const subjects = [
      await ours(context, form),
      await loop(context, form),
      await ours(context, lean),
      await loop(context, lean),
      ...(await newest(context, form)),
    ];
    const total = (await latencies(context, subjects, { rounds: 40, each: 5 }))('total');
    const perSecond = await rates(context, subjects, { clients: 16, blocks: 10, seconds: 2.5 });
    const compared = (to: string, against: string, isReference = false) => [
      ratio('p50, 1 client', total, to, against, isReference ? { reach: { most: 1 } } : {}),
      ratio('turns/s, 16 clients', perSecond, to, against, {
        unit: 'per second',
        ...(isReference ? { reach: { least: 1 } } : {}),
      }),
    ];
    return {
      figures: [
        ...compared(names.ours, names.loop, true),
        ...compared(names.leanOurs, names.lean),
        ...subjects.slice(4).flatMap(({ name }) => compared(names.ours, name)),
      ],
    };
  },
};
