import { withWithheld } from './withheld';

it('says of a server how many of its tools are withheld, and why unless it is away itself', () => {
  const parts = {
    well: { state: 'ready' as const, tools: 1 },
    held: { state: 'ready' as const, tools: 1 },
    away: { state: 'reconnecting' as const, reason: 'refused', tools: 0 },
  };
  const withheld = { count: 2, reason: '2 tools are withheld: new' };
  expect(withWithheld(parts, (server) => (server === 'well' ? undefined : withheld))).toEqual({
    well: parts.well,
    held: { state: 'degraded', reason: '2 tools are withheld: new', withheld: 2, tools: 1 },
    away: { ...parts.away, withheld: 2 },
  });
});
