import { latencies, ratio, type Row } from './row';
import { loop, names, ours } from './subjects';

/** Two rounds with a call each, then the answer. */
export const threeRounds: Row = {
  name: 'three-rounds',
  title: 'Three-round turn',
  async run(context) {
    const form = { kind: 'three', client: 'sdk' } as const;
    const lean = { ...form, client: 'lean' } as const;
    const subjects = [
      await ours(context, form),
      await loop(context, form),
      await ours(context, lean),
      await loop(context, lean),
    ];
    const total = (await latencies(context, subjects, { rounds: 40, each: 4 }))('total');
    return {
      figures: [
        ratio('p50, 1 client', total, names.ours, names.loop, { reach: { most: 0.9 } }),
        ratio('p50, 1 client', total, names.leanOurs, names.lean),
      ],
      notes: [
        'Newest LiteLLM is left out: asked for chat completions it runs the calls of the first round alone, and what it answers then is the second round with its call unrun.',
      ],
    };
  },
};
