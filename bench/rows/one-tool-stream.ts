import { latencies, ratio, withPairs, type Row } from './row';
import { loop, names, newest, ours } from './subjects';

const fields = [
  ['first', 'first byte, 1 client', 1],
  ['total', 'total, 1 client', 0.95],
] as const;

/** The same turn, streamed: the model says something before it calls, so that there is a first byte to wait for. */
export const oneToolStream: Row = {
  name: 'one-tool-stream',
  title: 'Streamed one-tool turn',
  async run(context) {
    const form = { kind: 'tool', stream: true, client: 'sdk' } as const;
    const lean = { ...form, client: 'lean' } as const;
    const main = await withPairs(context, async (each) => [await ours(each, form), await loop(each, form)], {
      rounds: 40,
      each: 5,
    });
    const others = await newest(context, form);
    const further = [
      await ours(context, lean),
      await loop(context, lean),
      await ours(context, form),
      ...others,
    ];
    const rest = await latencies(context, further, { rounds: 30, each: 5 });
    const compared = (to: string, against: string) =>
      fields.map(([field, what]) => ratio(what, rest(field), to, against));
    return {
      figures: [
        ...fields.map(([field, what, most]) =>
          ratio(what, main.times(field), names.ours, names.loop, {
            reach: { most },
          }),
        ),
        ...compared(names.leanOurs, names.lean),
        ...others.flatMap(({ name }) => compared(names.ours, name)),
      ],
    };
  },
};
