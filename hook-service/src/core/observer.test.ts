import { silent } from '../../../tests/support/silent-log';
import { afterwards, observers, type Observation } from './observer';
import { readTokens } from './usage';

const observation: Observation = {
  type: 'turn_started',
  at: 1,
  of: { turn: 't', scope: 's', dialect: 'chat', stream: false, model: 'm' },
};

describe('observers', () => {
  it('are all told when one of them throws, and the log says so once', () => {
    const seen: Observation[] = [];
    const errors: string[] = [];
    const log = { ...silent, error: (message: string) => void errors.push(message) };
    const broken = {
      observe: () => {
        throw new Error('broken');
      },
    };
    const all = observers([broken, { observe: (each) => void seen.push(each) }], log);
    all.observe(observation);
    all.observe(observation);
    expect(seen).toEqual([observation, observation]);
    expect(errors).toEqual(['an observer of turns failed']);
  });
});

describe('an observer that is told afterwards', () => {
  const second: Observation = { ...observation, at: 2 };

  it('hears of everything in order, behind what is being done', async () => {
    const seen: Observation[] = [];
    let heard = (): void => undefined;
    const all = new Promise<void>((resolve) => (heard = resolve));
    const later = afterwards({ observe: (each) => void (seen.push(each) === 2 && heard()) });
    later.observe(observation);
    later.observe(second);
    expect(seen).toEqual([]);
    await all;
    expect(seen).toEqual([observation, second]);
  });

  it('hears at once what is left, and of nothing twice', () => {
    const seen: Observation[] = [];
    const later = afterwards({ observe: (each) => void seen.push(each) });
    later.observe(observation);
    later.flush();
    later.flush();
    expect(seen).toEqual([observation]);
  });
});

describe('tokens of a round', () => {
  it.each([
    [
      'chat',
      { prompt_tokens: 9, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 4 } },
      9,
      2,
      4,
    ],
    ['responses', { input_tokens: 9, output_tokens: 2, input_tokens_details: { cached_tokens: 4 } }, 9, 2, 4],
    [
      'messages',
      { input_tokens: 3, cache_read_input_tokens: 4, cache_creation_input_tokens: 2, output_tokens: 2 },
      9,
      2,
      4,
    ],
    [
      'generateContent',
      { promptTokenCount: 9, candidatesTokenCount: 1, thoughtsTokenCount: 1, cachedContentTokenCount: 4 },
      9,
      2,
      4,
    ],
    [
      'numbers that are none',
      { prompt_tokens: Number.NaN, completion_tokens: -1, total_tokens: 'x' },
      0,
      0,
      0,
    ],
  ])('are the same whoever counts: %s', (_dialect, usage, input, output, cached) => {
    expect(readTokens(usage)).toEqual({ input, output, cached });
  });

  it('are unknown where there is no usage', () => {
    expect(readTokens(undefined)).toBeUndefined();
  });
});
