import type { PartHealth } from '../core/ports';
import { HealthWatch } from './health-watch';

let now = 1_000;
let parts: Record<string, PartHealth>;
let watch: HealthWatch;
let changes: number;

beforeEach(async () => {
  now = 1_000;
  parts = { redis: { state: 'ready' }, 'mcp:notes': { state: 'starting', tools: 0 } };
  watch = new HealthWatch({
    health: () => parts,
    ask: async () => ({ litellm: { state: 'ready' } }),
    now: () => now,
  });
  watch.onChange(() => (changes += 1));
  // The first answer of those that are asked.
  await new Promise(setImmediate);
  changes = 0;
});
afterEach(() => watch.close());

const notes = () => watch.parts().find(({ name }) => name === 'mcp:notes');

describe('the watch over health', () => {
  it('knows since when a part is in its state, and what it was before', () => {
    now = 2_000;
    parts = { ...parts, 'mcp:notes': { state: 'ready', tools: 2, protocol: '2025-11-25' } };
    watch.look();
    now = 3_000;
    parts = { ...parts, 'mcp:notes': { state: 'failed', reason: 'Connection refused', attempts: 1 } };
    watch.look();
    expect(notes()).toEqual({
      name: 'mcp:notes',
      state: 'failed',
      reason: 'Connection refused',
      since: 3_000,
      details: { attempts: 1 },
      before: [
        { at: 2_000, state: 'ready' },
        { at: 1_000, state: 'starting' },
      ],
    });
    expect(changes).toBe(2);
  });

  it('tells nobody of one more attempt in vain, and keeps since when', () => {
    parts = { 'mcp:notes': { state: 'failed', reason: 'Connection refused', attempts: 1 } };
    watch.look();
    changes = 0;
    now = 9_000;
    parts = { 'mcp:notes': { state: 'failed', reason: 'Connection refused', attempts: 2 } };
    watch.look();
    expect(changes).toBe(0);
    expect(notes()).toMatchObject({ since: 1_000, details: { attempts: 2 } });
  });

  it('forgets a part that is gone', () => {
    parts = {};
    watch.look();
    expect(watch.parts().map(({ name }) => name)).not.toContain('redis');
    expect(changes).toBe(1);
  });

  it('takes keys out of the paths of addresses in reasons', () => {
    const reason =
      'Connection refused at https://mcp.example/api/s/OWQ4NmQ0Zjk/mcp: the server is not running';
    parts = { 'mcp:notes': { state: 'failed', reason } };
    watch.look();
    expect(notes()?.reason).toBe(
      'Connection refused at https://mcp.example/api/s/…/mcp: the server is not running',
    );
  });
});
