import { latencies, ratio, withPairs, type Row } from './row';
import { bare, names, ours, toolless } from './subjects';

const sentence = 'The quick brown fox jumps over the lazy dog, and nobody knows what it was about. ';

/** 100 messages of 1 kB. */
const history = Array.from({ length: 100 }, (_, index) => ({
  role: index % 2 === 0 ? 'user' : 'assistant',
  content: `${index}: ${sentence.repeat(13)}`.slice(0, 1_000),
}));

/** A conversation that has to be carried, and looked up for hidden rounds: one that goes on, and one that comes from elsewhere. */
export const longHistory: Row = {
  name: 'long-history',
  title: 'Plain chat, 100 messages of history, 100 kB',
  async run(context) {
    const form = { kind: 'plain', history, talk: 'goes on' as const };
    const main = await withPairs(context, async (each) => [await ours(each, form), await bare(each, form)], {
      rounds: 20,
      each: 8,
    });
    const unseen = { ...(await ours(context, { ...form, talk: 'is new' })), name: names.oursNew };
    const further = [
      await ours(context, form),
      await bare(context, form),
      unseen,
      await toolless(context, form),
    ];
    const rest = (await latencies(context, further, { rounds: 20, each: 8 }))('total');
    return {
      figures: [
        ratio('p50, 1 client', main.times('total'), names.ours, names.bare, { reach: { most: 1.05 } }),
        ratio('p50, 1 client', rest, names.ours, names.toolless),
        ratio('p50, 1 client', rest, names.oursNew, names.bare),
      ],
      notes: [
        'Behind the 100 messages come up to ten questions and answers, then another conversation begins: with a request that is not measured, or with each request where it is one that Toolturn has not seen (the first request to a process of LiteLLM, or the first one for ten minutes).',
      ],
    };
  },
};
