import type { CallStore, Ledger, RecordedCall } from '../../hook-service/src/core/ports';

const call: RecordedCall = { digest: 'd1', result: { content: [{ type: 'text', text: 'x' }] } };

/** What every implementation of `CallStore` promises. */
export function callStoreContract(store: () => CallStore): void {
  it('lets one claim a call and shows the others that it runs', async () => {
    expect(await store().claim('s', 'k1', 60)).toEqual({ state: 'claimed' });
    expect(await store().claim('s', 'k1', 60)).toEqual({ state: 'running' });
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

  it('keeps scopes apart', async () => {
    await store().claim('s1', 'k4', 60);
    expect(await store().claim('s2', 'k4', 60)).toEqual({ state: 'claimed' });
  });
}

/** What every implementation of `Ledger` promises. */
export function ledgerContract(ledger: () => Ledger): void {
  it('gives back what was kept, and leaves out what it does not know', async () => {
    await ledger().keep('s1', new Map([['k', { a: [1, null, 'é😀'] }]]), 60);
    expect(await ledger().recall('s1', ['k', 'other'])).toEqual(new Map([['k', { a: [1, null, 'é😀'] }]]));
  });

  it('keeps scopes apart', async () => {
    await ledger().keep('s1', new Map([['k5', { a: 1 }]]), 60);
    expect(await ledger().recall('s2', ['k5'])).toEqual(new Map());
  });
}
