import { silent } from '../../../tests/support/silent-log';
import { memoryRates } from '../state/rates';
import type { RateStore } from './ports';
import { Rates, type RateLimits } from './rates';

const warnings: string[] = [];
const log = { ...silent, warn: (message: string) => void warnings.push(message) };

function clocked(limits: RateLimits) {
  const clock = { now: 1_000_000 * 60_000 };
  const rates = new Rates(
    limits,
    memoryRates(100, () => clock.now),
    log,
  );
  const take = (tool: string, scope = 'alice') => rates.take({ scope }, tool);
  return { clock, take };
}

describe('calls a minute', () => {
  it('are counted for each caller, and refused with the limit that is full', async () => {
    const { take } = clocked({ callsPerMinute: 2, tools: [] });
    expect([await take('a'), await take('b')]).toEqual([undefined, undefined]);
    expect(await take('a')).toMatchObject({ of: 'key', callsPerMinute: 2 });
    expect(await take('a', 'bob')).toBeUndefined();
  });

  it('come free again with time, by share of the minute before', async () => {
    const { clock, take } = clocked({ callsPerMinute: 4, tools: [] });
    for (let n = 0; n < 4; n++) await take('a');
    clock.now += 60_000;
    expect(await take('a')).toBeDefined();
    clock.now += 30_000;
    expect([await take('a'), await take('a')]).toEqual([undefined, undefined]);
    expect(await take('a')).toBeDefined();
    clock.now += 120_000;
    expect(await take('a')).toBeUndefined();
  });

  it('have limits for single tools by the first rule that fits, and a refused call counts nowhere', async () => {
    const { take } = clocked({
      callsPerMinute: 3,
      tools: [
        { pattern: 'web__fetch', callsPerMinute: 1 },
        { pattern: 'web__*', callsPerMinute: 100 },
      ],
    });
    expect(await take('web__fetch')).toBeUndefined();
    for (let n = 0; n < 5; n++)
      expect(await take('web__fetch')).toMatchObject({ of: 'tool', callsPerMinute: 1 });
    expect([await take('web__search'), await take('other')]).toEqual([undefined, undefined]);
    expect(await take('other')).toMatchObject({ of: 'key' });
  });

  it('cost no round trip where no limit fits, and no call where the store fails', async () => {
    const broken: RateStore = {
      take: async () => {
        throw new Error('lost');
      },
    };
    const none = new Rates({ tools: [] }, broken, log);
    expect(await none.take({ scope: 's' }, 'a')).toBeUndefined();
    expect(warnings).toEqual([]);
    const limited = new Rates({ callsPerMinute: 1, tools: [] }, broken, log);
    expect(await limited.take({ scope: 's' }, 'a')).toBeUndefined();
    expect(warnings).toEqual(['a call was not counted against its rate']);
  });
});
