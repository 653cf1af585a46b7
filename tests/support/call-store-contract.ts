import type {
  CallStore,
  Ledger,
  RecordedCall,
  TextStore,
  TurnStore,
} from '../../hook-service/src/core/ports';

const call: RecordedCall = { digest: 'd1', result: { content: [{ type: 'text', text: 'x' }] } };

/** What every implementation of `CallStore` promises. */
export function callStoreContract(store: () => CallStore): void {
  it('lets one claim a call and shows the others that it runs', async () => {
    expect(await store().claim('s', 'k1', 60)).toEqual({ state: 'claimed' });
    expect(await store().claim('s', 'k1', 60)).toEqual({ state: 'running', where: 'here' });
  });

  it('lets exactly one of many claim a call', async () => {
    const claims = await Promise.all(Array.from({ length: 20 }, () => store().claim('s', 'k2', 60)));
    expect(claims.filter((claim) => claim.state === 'claimed')).toHaveLength(1);
  });

  it('gives the recorded outcome to whoever claims later', async () => {
    await store().claim('s', 'k3', 60);
    await store().record('s', 'k3', call, 60);
    expect(await store().claim('s', 'k3', 60)).toEqual({ state: 'recorded', call });
  });

  it('lets a call that was given back be claimed again', async () => {
    await store().claim('s', 'k5', 60);
    await store().release('s', 'k5');
    expect(await store().claim('s', 'k5', 60)).toEqual({ state: 'claimed' });
  });

  it('keeps scopes apart', async () => {
    await store().claim('s1', 'k4', 60);
    expect(await store().claim('s2', 'k4', 60)).toEqual({ state: 'claimed' });
  });
}

/** What every implementation of `Ledger` promises. */
export function ledgerContract(ledger: () => Ledger): void {
  it('gives back what was kept, and leaves out what it does not know', async () => {
    await ledger().keep('s1', ['k', 'l'], { a: [1, null, 'é😀'] }, 60);
    expect(await ledger().recall('s1', [['k'], ['other'], ['l'], []])).toEqual([
      { a: [1, null, 'é😀'] },
      undefined,
      { a: [1, null, 'é😀'] },
      undefined,
    ]);
  });

  it('keeps scopes apart', async () => {
    await ledger().keep('s1', ['k5'], { a: 1 }, 60);
    expect(await ledger().recall('s2', [['k5']])).toEqual([undefined]);
  });

  it('takes the first key of a group that is known', async () => {
    await ledger().keep('s1', ['strong1', 'weak'], { turn: 1 }, 60);
    await ledger().keep('s1', ['strong2', 'weak'], { turn: 2 }, 60);
    expect(
      await ledger().recall('s1', [
        ['gone', 'strong1', 'weak'],
        ['weak', 'strong1'],
      ]),
    ).toEqual([{ turn: 1 }, { turn: 2 }]);
  });
}

/** What every implementation of `TextStore` promises. */
export function textStoreContract(texts: () => TextStore): void {
  const text = Buffer.from('0123456789');

  it('gives the piece that was asked for, and how long the whole is', async () => {
    expect(await texts().keep('s1', 'h1', text, 60)).toBe(true);
    const piece = await texts().read('s1', 'h1', 3, 4);
    expect([Buffer.from(piece?.bytes ?? []).toString(), piece?.total]).toEqual(['3456', 10]);
    expect((await texts().read('s1', 'h1', 8, 100))?.bytes).toHaveLength(2);
    expect((await texts().read('s1', 'h1', 50, 10))?.bytes).toHaveLength(0);
  });

  it('knows nothing of other scopes and other handles', async () => {
    await texts().keep('s1', 'h2', text, 60);
    expect(await texts().read('s2', 'h2', 0, 4)).toBeUndefined();
    expect(await texts().read('s1', 'h3', 0, 4)).toBeUndefined();
  });
}

/** What every implementation of `TurnStore` promises. */
export function turnStoreContract(turns: () => TurnStore): void {
  it('gives a state to exactly one of many turns, and shows it to the others', async () => {
    const names = Array.from({ length: 20 }, (_, number) => `t${number}`);
    const found = await Promise.all(names.map((name) => turns().begin('s', 'many', name, 60)));
    const others = found.filter((each) => each !== undefined);
    expect(others).toHaveLength(19);
    expect(new Set(others.map(({ turn }) => turn)).size).toBe(1);
    expect(others[0]).toMatchObject({ state: 'running', where: 'here' });
  });

  it('gives back what was kept of a turn', async () => {
    const turn = {
      turn: 't1',
      state: 'answered' as const,
      endedAt: 5,
      delivered: true,
      progress: { added: [{ a: 'é😀' }], calls: { d: 1 } },
      answer: { texts: ['x'] },
    };
    await turns().put('s', 'kept', turn, 60);
    expect(await turns().read('s', 'kept')).toEqual({ ...turn, where: 'here' });
    expect(await turns().begin('s', 'kept', 't2', 60)).toMatchObject({ turn: 't1' });
  });

  it('keeps scopes apart', async () => {
    await turns().begin('s1', 'apart', 't1', 60);
    expect(await turns().read('s2', 'apart')).toBeUndefined();
    expect(await turns().begin('s2', 'apart', 't2', 60)).toBeUndefined();
  });
}
