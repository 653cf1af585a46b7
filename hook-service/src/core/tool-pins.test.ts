import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryLog } from '../../../tests/support/mcp/servers';
import { filePins } from '../state/pins-file';
import { mergePins, strongerPin, type Pin, type PinStore } from './pins';
import type { HostTool } from './ports';
import { definitionDigest } from './tool-definition-digest';
import { ToolPins, type PinPolicy } from './tool-pins';

const tool = (name: string, more: Partial<HostTool> = {}): HostTool => {
  const bare = { server: 'one', tool: name, inputSchema: { type: 'object' }, ...more };
  return { ...bare, digest: definitionDigest(bare) };
};

/** Pins in memory, as another replica may have them too. */
function sharedStore(): PinStore & { pins: Map<string, Pin>; broken: boolean } {
  const store = {
    pins: new Map<string, Pin>(),
    broken: false,
    async load() {
      if (store.broken) throw new Error('away');
      return [...store.pins.values()];
    },
    async save(pins: readonly Pin[]) {
      if (store.broken) throw new Error('away');
      store.pins = mergePins([...store.pins.values()], pins);
    },
  };
  return store;
}

const open: ToolPins[] = [];
function pinsOf(
  policy: PinPolicy,
  store: PinStore,
  onChange?: (servers: readonly string[]) => void,
): ToolPins {
  const pins = new ToolPins({ policy, store, log: memoryLog(), pollMs: 10 }, onChange);
  open.push(pins);
  return pins;
}
afterEach(() => open.splice(0).forEach((pins) => pins.close()));

const names = (tools: readonly HostTool[]) => tools.map((each) => each.tool);

describe('the digest of a definition', () => {
  it('D2: does not depend on the order of fields, and does on name, description, schemas and annotations', () => {
    const schema = { type: 'object', properties: { a: { type: 'string', title: 'A' } } };
    const turned = { properties: { a: { title: 'A', type: 'string' } }, type: 'object' };
    const one = tool('a', { inputSchema: schema });
    expect(one.digest).toBe(tool('a', { inputSchema: turned }).digest);
    const others: Partial<HostTool>[] = [
      { tool: 'b' },
      { description: 'x' },
      { outputSchema: {} },
      { annotations: { readOnlyHint: true } },
      { inputSchema: { type: 'object' } },
    ];
    const digests = others.map((other) => tool('a', { inputSchema: schema, ...other }).digest);
    expect(new Set([one.digest, ...digests]).size).toBe(6);
  });
});

describe('pins', () => {
  it('trust the first list of a server whole, and hold what is new or changed after it', async () => {
    const pins = pinsOf('hold', sharedStore());
    expect(names(await pins.review('one', [tool('a'), tool('b')]))).toEqual(['a', 'b']);
    const later = [tool('a', { description: 'x' }), tool('b'), tool('c')];
    expect(names(await pins.review('one', later))).toEqual(['b']);
    expect(pins.changes()).toMatchObject([
      { tool: 'a', kind: 'changed', parts: ['description'], held: true },
      { tool: 'c', kind: 'new', held: true },
    ]);
    expect(pins.heldOf('one')).toEqual({
      count: 2,
      reason: expect.stringMatching(/^2 tools are withheld: .*toolturn tools --changes$/),
    });
    expect(pins.heldOf('two')).toBeUndefined();
  });

  it('count what is withheld because they cannot be read', async () => {
    const store = sharedStore();
    store.broken = true;
    const pins = pinsOf('hold', store);
    await pins.review('one', [tool('a')]);
    expect(pins.heldOf('one')).toEqual({ count: 1, reason: '1 tool is withheld: the pins cannot be read' });
  });

  it('allow it all the same where the policy says so, and pin a new tool when it is first seen', async () => {
    const pins = pinsOf('allow', sharedStore());
    await pins.review('one', [tool('a')]);
    expect(names(await pins.review('one', [tool('a', { annotations: {} }), tool('c')]))).toEqual(['a', 'c']);
    expect(pins.changes()).toMatchObject([{ tool: 'a', parts: ['annotations'], held: false }]);
    await pins.review('one', [tool('a'), tool('c', { description: 'now this' })]);
    expect(pins.changes()).toMatchObject([{ tool: 'c', kind: 'changed' }]);
  });

  it('are not accepted for a definition that has changed again since it was seen', async () => {
    const pins = pinsOf('hold', sharedStore());
    await pins.review('one', [tool('a')]);
    const seen = tool('a', { description: 'seen' });
    await pins.review('one', [tool('a', { description: 'changed once more' })]);
    const answer = await pins.accept([{ server: 'one', tool: 'a', digest: seen.digest ?? '' }]);
    expect(answer).toMatchObject({ done: [], refused: [{ tool: 'a' }] });
    expect(pins.changes()).toHaveLength(1);
  });

  it('that are accepted at one replica reach another one, which is told of it', async () => {
    const store = sharedStore();
    let told!: () => void;
    const heard = new Promise<void>((resolve) => (told = resolve));
    const [one, other] = [
      pinsOf('hold', store),
      pinsOf('hold', store, (servers) => servers.length > 0 && told()),
    ];
    const changed = tool('a', { description: 'x' });
    await one.review('one', [tool('a')]);
    await one.review('one', [changed]);
    expect(names(await other.review('one', [changed]))).toEqual([]);
    await one.accept([{ server: 'one', tool: 'a', digest: changed.digest ?? '' }]);
    await heard;
    expect(names(await other.review('one', [changed]))).toEqual(['a']);
  });

  it('that cannot be read withhold everything where it is to be held, and nothing otherwise', async () => {
    const store = sharedStore();
    store.broken = true;
    expect(await pinsOf('hold', store).review('one', [tool('a')])).toEqual([]);
    const allowed = pinsOf('allow', store);
    expect(names(await allowed.review('one', [tool('a')]))).toEqual(['a']);
    // What was seen meanwhile is kept when there is somewhere to keep it again.
    store.broken = false;
    while (store.pins.size === 0) await new Promise(setImmediate);
  });

  it('of a tool whose end was accepted are made anew when it is back', async () => {
    const pins = pinsOf('hold', sharedStore());
    await pins.review('one', [tool('a'), tool('b')]);
    await pins.review('one', [tool('a')]);
    expect(pins.changes()).toMatchObject([{ tool: 'b', kind: 'gone', held: false }]);
    await pins.accept([{ server: 'one', tool: 'b', digest: '' }]);
    expect(pins.changes()).toEqual([]);
    expect(names(await pins.review('one', [tool('a'), tool('b')]))).toEqual(['a']);
  });
});

describe('of two pins for one tool', () => {
  const pin = (at: number, accepted: boolean, digest = 'd'.repeat(64)): Pin => ({
    server: 's',
    tool: 't',
    digest,
    parts: {},
    at: new Date(at).toISOString(),
    accepted,
  });

  it.each([
    ['the accepted one', pin(1, true), pin(2, false), 0],
    ['the newer of two accepted ones', pin(1, true), pin(2, true), 1],
    ['the older of two that were only seen', pin(1, false), pin(2, false), 0],
    ['the one seen after its end was accepted', pin(1, true, ''), pin(2, false), 1],
    ['the accepted end of one seen before', pin(2, true, ''), pin(1, false), 0],
  ])('%s counts', (_which, left, right, index) => {
    const stronger = [left, right][index];
    expect(strongerPin(left, right)).toBe(stronger);
    expect(strongerPin(right, left)).toBe(stronger);
  });
});

describe('a file of pins', () => {
  const dir = mkdtempSync(join(tmpdir(), 'toolturn-pins-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const pin: Pin = {
    server: 's',
    tool: 't',
    digest: 'a'.repeat(64),
    parts: {},
    at: '2026-01-01',
    accepted: false,
  };

  it('is made with its folder, merged with what others wrote, and read again only when it has changed', async () => {
    const path = join(dir, 'deep', 'pins.json');
    const [one, other] = [filePins(path), filePins(path)];
    expect(await one.load()).toEqual([]);
    await other.save([pin]);
    await one.save([
      { ...pin, tool: 'u' },
      { ...pin, digest: 'b'.repeat(64), at: '2026-02-01' },
    ]);
    expect(await one.load()).toEqual([pin, { ...pin, tool: 'u' }]);
    expect(await one.load()).toBeUndefined();
    expect(readFileSync(path, 'utf8').split('\n').length).toBeGreaterThan(10);
  });
});

describe('pins, when the config changes', () => {
  it('follow another policy at once: what changed is withheld, and given again', async () => {
    const asked: string[][] = [];
    const pins = pinsOf('allow', sharedStore(), (servers) => void asked.push([...servers]));
    await pins.review('one', [tool('a')]);
    const changed = [tool('a', { description: 'x' })];
    expect(await pins.review('one', changed)).toHaveLength(1);
    asked.length = 0;
    await pins.follow('hold');
    expect(asked).toContainEqual(['one']);
    expect(await pins.review('one', changed)).toEqual([]);
    await pins.follow('allow');
    expect(await pins.review('one', changed)).toHaveLength(1);
  });

  it('are taken along to another place, where what was accepted counts', async () => {
    const [before, after] = [sharedStore(), sharedStore()];
    const pins = pinsOf('hold', before);
    await pins.review('one', [tool('a'), tool('b')]);
    const elsewhere = pinsOf('hold', after);
    await elsewhere.review('one', [tool('a')]);
    const changed = tool('a', { description: 'x' });
    await elsewhere.review('one', [changed]);
    await elsewhere.accept([{ server: 'one', tool: 'a', digest: changed.digest ?? '' }]);
    await pins.follow('hold', after);
    expect(names(await pins.review('one', [changed, tool('b')]))).toEqual(['a', 'b']);
    expect([...after.pins.values()].map((pin) => pin.tool).sort()).toEqual(['a', 'b']);
  });

  it('with hold nothing is offered while the new place cannot be read', async () => {
    const broken = sharedStore();
    const pins = pinsOf('hold', sharedStore());
    await pins.review('one', [tool('a')]);
    broken.broken = true;
    await pins.follow('hold', broken);
    expect(await pins.review('one', [tool('a')])).toEqual([]);
  });

  it('tell no change of a server that is not configured any more', async () => {
    const pins = pinsOf('allow', sharedStore());
    await pins.review('one', [tool('a')]);
    await pins.review('one', [tool('a', { description: 'x' })]);
    expect(pins.changes()).toHaveLength(1);
    pins.keepOnly(new Set(['two']));
    expect(pins.changes()).toEqual([]);
  });
});
