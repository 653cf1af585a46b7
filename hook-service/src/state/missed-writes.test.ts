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
});
