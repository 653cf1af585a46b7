import { latencies, ratio, type Row } from './row';
import { loop, names, newest, ours } from './subjects';

/** The same turn, streamed: the model says something before it calls, so that there is a first byte to wait for. */
export const oneToolStream: Row = {
  name: 'one-tool-stream',
  title: 'Streamed one-tool turn',
  async run(context) {
    const form = { kind: 'tool', stream: true };
    const subjects = [
      await ours(context, form),
      await loop(context, form),
      await loop(context, form, { client: 'raw' }),
      ...(await newest(context, form)),
    ];
    const times = await latencies(context, subjects, { rounds: 40, each: 5 });
    const others = subjects.slice(1).map(({ name }) => name);
    const fields = [
      ['first', 'first byte, 1 client', 1],
      ['total', 'total, 1 client', 0.95],
    ] as const;
    return {
      figures: others.flatMap((against) =>
        fields.map(([field, what, most]) =>
          ratio(what, times(field), names.ours, against, against === names.loop ? { reach: { most } } : {}),
        ),
      ),
    };
  },
};
