import { latencies, ratio, type Row } from './row';
import { loop, names, ours } from './subjects';

/** Two rounds with a call each, then the answer. */
export const threeRounds: Row = {
  name: 'three-rounds',
  title: 'Three-round turn',
  async run(context) {
    const form = { kind: 'three' };
    const subjects = [
      await ours(context, form),
      await loop(context, form),
      await loop(context, form, { client: 'raw' }),
    ];
    const total = (await latencies(context, subjects, { rounds: 40, each: 4 }))('total');
    return {
      figures: subjects
        .slice(1)
        .map(({ name }) =>
          ratio(
            'p50, 1 client',
            total,
            names.ours,
            name,
            name === names.loop ? { reach: { most: 0.9 } } : {},
          ),
        ),
      notes: [
        'Newest LiteLLM is left out: asked for chat completions it runs the calls of the first round alone, and what it answers then is the second round with its call unrun.',
      ],
    };
  },
};
