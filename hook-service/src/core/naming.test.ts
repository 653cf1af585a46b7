import fc from 'fast-check';
import { nameTools, offeredName } from './naming';
import type { HostTool } from './ports';

const tool = (server: string, name: string): HostTool => ({ server, tool: name, inputSchema: {} });
const pattern = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

describe('the name under which a tool is offered', () => {
  it('is server__tool where every provider accepts that', () => {
    expect(offeredName('fs', 'read_file')).toBe('fs__read_file');
    expect(offeredName('gh', 'list-buckets')).toBe('gh__list-buckets');
  });

  it('is made acceptable, with a digest that keeps look-alikes apart, where it is not', () => {
    const dotted = offeredName('fs', 'read.file');
    const spaced = offeredName('fs', 'read file');
    expect(dotted).toMatch(/^fs__read_file_[0-9a-f]{8}$/);
    expect(spaced).toMatch(/^fs__read_file_[0-9a-f]{8}$/);
    expect(dotted).not.toBe(spaced);
  });

  it('fits the pattern of all providers and 64 characters, and is the same each time', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (server, name) => {
        expect(offeredName(server, name)).toMatch(pattern);
        expect(offeredName(server, name)).toBe(offeredName(server, name));
      }),
    );
  });

  it('leads back to exactly one tool for every tool of a catalog', () => {
    const names = fc.oneof(
      fc.string(),
      fc.constantFrom('a', 'b', 'a__b', 'b__c', 'c', '__proto__', 'constructor'),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(names, names), { selector: (pair) => JSON.stringify(pair) }),
        (pairs) => {
          const tools = pairs.map(([server, name]) => tool(server, name));
          const byName = nameTools(tools);
          expect([...byName.values()]).toEqual(tools);
          for (const name of byName.keys()) expect(name).toMatch(pattern);
        },
      ),
    );
  });

  it('stays the same when another server comes behind it', () => {
    const alone = [...nameTools([tool('a__b', 'c')]).keys()];
    const both = [...nameTools([tool('a__b', 'c'), tool('a', 'b__c')]).keys()];
    expect(both[0]).toBe(alone[0]);
    expect(new Set(both).size).toBe(2);
  });
});
