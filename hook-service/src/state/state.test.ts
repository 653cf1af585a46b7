import {
  callStoreContract,
  ledgerContract,
  turnStoreContract,
} from '../../../tests/support/call-store-contract';
import { memoryCallStore } from './claims';
import { BoundedMap, memoryLedger } from './memory';
import { memoryTurns } from './turns';

describe('calls in memory', () => {
  const store = memoryCallStore();
  callStoreContract(() => store);
});

describe('turns in memory', () => {
  const turns = memoryTurns();
  turnStoreContract(() => turns);
});

describe('a ledger in memory', () => {
  const ledger = memoryLedger();
  ledgerContract(() => ledger);
});

describe('a bounded map', () => {
  it('drops the oldest entry when it is full and an entry whose time is over', () => {
    let now = 0;
    const map = new BoundedMap<number>(2, () => now);
    map.set('a', 1, 10);
    map.set('b', 2, 20);
    map.set('c', 3, 20);
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([undefined, 2, 3]);
    now = 20_000;
    expect([map.get('b'), map.size]).toEqual([undefined, 1]);
  });

  it('lets go what is over when something comes, and the oldest where all of it is too long', () => {
    let now = 0;
    const map = new BoundedMap<string>(10, () => now, 12);
    map.set('a', 'xxx', 10, 5);
    now = 10_000;
    map.set('b', 'yyy', 10, 5);
    expect(map.size).toBe(1);
    map.set('c', 'zzz', 10, 5);
    map.set('b', 'y', 10, 3);
    map.set('d', 'ww', 10, 4);
    expect([map.get('b'), map.get('c'), map.get('d')]).toEqual(['y', 'zzz', 'ww']);
    map.set('e', 'v', 10, 3);
    expect([map.get('b'), map.get('c'), map.get('d'), map.get('e')]).toEqual(['y', undefined, 'ww', 'v']);
  });
});
