import { four } from '../parts/script';
import { latencies, ratio, type Row } from './row';
import { loop, names, ours } from './subjects';

/** Calls start while the model still writes. */
export const fourCalls: Row = {
  name: 'four-calls',
  title: `Stream with four calls, ${four.apartMs} ms apart, each tool ${four.toolMs} ms`,
  async run(context) {
    const form = { kind: 'four', stream: true, client: 'sdk' } as const;
    const subjects = [
      await ours(context, form),
      await loop(context, form, { parallel: false, name: names.serial }),
      await loop(context, form),
    ];
    const total = (await latencies(context, subjects, { rounds: 10, each: 1, warmUp: 1 }))('total');
    return {
      figures: [
        ratio('total, 1 client', total, names.ours, names.serial, { reach: { most: 0.75 } }),
        ratio('total, 1 client', total, names.ours, names.loop),
      ],
      notes: [
        `“${names.serial}” is the loop of most clients and tutorials: the round is read to its end, then each call is awaited.`,
        `“${names.loop}” begins all calls at once when the round has ended. Both it and Toolturn wait for the last call, which the model writes last, so that starting earlier calls earlier saves nothing there by nature.`,
      ],
    };
  },
};
