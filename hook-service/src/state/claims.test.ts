import type { CallStore, Claim, RecordedCall } from '../core/ports';
import { memoryCallStore, rememberedCalls } from './claims';

const call: RecordedCall = { digest: 'd', result: { content: [] } };
const running: Claim = { state: 'running', where: 'here' };
const store = (claim: Claim): CallStore => ({
  claim: async () => claim,
  record: async () => undefined,
  release: async () => undefined,
});

describe('calls in Redis, remembered by the process that ran them', () => {
  it.each<[string, Claim]>([
    ['has never heard of the call', { state: 'claimed' }],
    ['only knows of the claim', running],
  ])('give the outcome that was recorded while Redis was away, where Redis %s', async (_what, claim) => {
    const memory = memoryCallStore();
    await memory.record('s', 'k', call, 60);
    expect(await rememberedCalls(store(claim), memory).claim('s', 'k', 60)).toEqual({
      state: 'recorded',
      call,
    });
  });

  it('are not claimed again when Redis goes away after the claim', async () => {
    const memory = memoryCallStore();
    const calls = rememberedCalls(store({ state: 'claimed' }), memory);
    expect(await calls.claim('s', 'k', 60)).toEqual({ state: 'claimed' });
    expect(await memory.claim('s', 'k', 60)).toEqual(running);
    await calls.record('s', 'k', call, 60);
    expect(await memory.claim('s', 'k', 60)).toEqual({ state: 'recorded', call });
  });

  it('keep no large outcome in memory, only that there is one', async () => {
    const memory = memoryCallStore();
    const calls = rememberedCalls(store({ state: 'claimed' }), memory);
    await calls.claim('s', 'k', 60);
    const text = 'x'.repeat(10_000);
    await calls.record('s', 'k', { ...call, result: { content: [{ type: 'text', text }] } }, 60);
    expect(memory.peek('s', 'k')).toBe('running');
  });

  it('that run elsewhere are none of its business', async () => {
    const elsewhere: Claim = { state: 'running', where: 'elsewhere' };
    const memory = memoryCallStore();
    expect(await rememberedCalls(store(elsewhere), memory).claim('s', 'k', 60)).toEqual(elsewhere);
  });
});
