import { MissedWrites } from './missed-writes';

describe('writes that Redis has missed', () => {
  it('are made in order when it is back, the last one of each key, and once', async () => {
    const [missed, made] = [new MissedWrites(), [] as string[]];
    const write = (text: string) => async (): Promise<void> => void made.push(text);
    missed.note('a', write('a1'));
    missed.note('b', write('b'));
    missed.note('a', write('a2'));
    missed.note('c', write('c'));
    missed.forget('c');
    await Promise.all([missed.replay(), missed.replay()]);
    await missed.replay();
    expect(made).toEqual(['b', 'a2']);
  });

  it('wait on where Redis goes away again', async () => {
    const [missed, made] = [new MissedWrites(), [] as string[]];
    let isBack = false;
    const write = (text: string) => async (): Promise<void> => {
      if (!isBack) throw new Error('away');
      made.push(text);
    };
    missed.note('a', write('a'));
    missed.note('b', write('b'));
    await missed.replay();
    isBack = true;
    await missed.replay();
    expect(made).toEqual(['a', 'b']);
  });

  it('are bounded: the oldest goes', async () => {
    const [missed, made] = [new MissedWrites(), [] as number[]];
    for (let at = 0; at < 2_001; at += 1) missed.note(`${at}`, async () => void made.push(at));
    await missed.replay();
    expect([made[0], made.length]).toEqual([1, 2_000]);
  });

  it('hold no more than they may, however few they are', async () => {
    const [missed, made] = [new MissedWrites(), [] as string[]];
    const half = 8 * 1024 * 1024;
    for (const [key, characters] of Object.entries({ a: half, b: half, c: 1 }))
      missed.note(key, async () => void made.push(key), characters);
    missed.note('b', async () => void made.push('b again'), half - 1);
    await missed.replay();
    expect(made).toEqual(['c', 'b again']);
  });

  it('are made as soon as Redis does anything', async () => {
    const missed = new MissedWrites();
    const made = new Promise((resolve) => missed.note('a', async () => resolve('made')));
    missed.redisWorks();
    expect(await made).toBe('made');
  });
});
