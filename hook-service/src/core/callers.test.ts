import { Callers } from './callers';
import { ToolturnError } from './errors';

const headers = (key: string) => ({ authorization: `Bearer ${key}`, 'user-agent': 'any' });

function setUp(options: { capacity?: number } = {}) {
  const asked: Record<string, string>[] = [];
  let time = 0;
  let refusal: ToolturnError | undefined;
  const callers = new Callers({
    ask: async (credentials) => {
      asked.push({ ...credentials });
      if (refusal !== undefined) throw refusal;
      return { key: credentials['authorization'] ?? '' };
    },
    now: () => time,
    ...options,
  });
  return {
    callers,
    asked,
    wait: (ms: number) => (time += ms),
    refuse: (error?: ToolturnError) => (refusal = error),
  };
}

describe('who sent a request', () => {
  it('is asked once for a minute, with nothing but the credentials', async () => {
    const { callers, asked, wait } = setUp();
    await Promise.all([callers.of(headers('a')), callers.of(headers('a'))]);
    await callers.of(headers('a'));
    expect(asked).toEqual([{ authorization: 'Bearer a' }]);
    await callers.of(headers('b'));
    wait(61_000);
    await callers.of(headers('a'));
    expect(asked).toHaveLength(3);
  });

  it('stays refused for a moment only', async () => {
    const { callers, asked, wait, refuse } = setUp();
    refuse(new ToolturnError('unauthorized', 'no'));
    await expect(callers.of(headers('a'))).rejects.toThrow('no');
    await expect(callers.of(headers('a'))).rejects.toThrow('no');
    expect(asked).toHaveLength(1);
    refuse();
    wait(6_000);
    await expect(callers.of(headers('a'))).resolves.toBeDefined();
  });

  it('is asked again at once when LiteLLM was away', async () => {
    const { callers, asked, refuse } = setUp();
    refuse(new ToolturnError('shutting_down', 'away'));
    await expect(callers.of(headers('a'))).rejects.toThrow('away');
    refuse();
    await callers.of(headers('a'));
    expect(asked).toHaveLength(2);
  });

  it('is nobody without a key', async () => {
    await expect(setUp().callers.of({ 'x-api-key': '' })).rejects.toMatchObject({ status: 401 });
  });

  it('is forgotten where there are too many, the oldest first', async () => {
    const { callers, asked } = setUp({ capacity: 2 });
    for (const key of ['a', 'b', 'c', 'c', 'b', 'a']) await callers.of(headers(key));
    expect(asked).toHaveLength(4);
  });
});
