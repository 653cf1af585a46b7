import { latencies, ratio, type Row } from './row';
import { loop, names, newest, ours } from './subjects';

/** The same turn, streamed: the model says something before it calls, so that there is a first byte to wait for. */
export const oneToolStream: Row = {
  name: 'one-tool-stream',
  title: 'Streamed one-tool turn',
  async run(context) {
    const form = { kind: 'tool', stream: true, client: 'sdk' } as const;
    const lean = { ...form, client: 'lean' } as const;
    const [us, them] = [await ours(context, form), await loop(context, form)];
    const others = await newest(context, form);
    const further = [await ours(context, lean), await loop(context, lean), us, ...others];
    const main = await latencies(context, [us, them], { rounds: 80, each: 5 });
    const rest = await latencies(context, further, { rounds: 30, each: 5 });
    const fields = [
      ['first', 'first byte, 1 client', 1],
      ['total', 'total, 1 client', 0.95],
    ] as const;
    const compared = (to: string, against: string, isReference = false) =>
      fields.map(([field, what, most]) =>
        ratio(what, (isReference ? main : rest)(field), to, against, isReference ? { reach: { most } } : {}),
      );
    return {
      figures: [
        ...compared(names.ours, names.loop, true),
        ...compared(names.leanOurs, names.lean),
        ...others.flatMap(({ name }) => compared(names.ours, name)),
      ],
    };
  },
};
