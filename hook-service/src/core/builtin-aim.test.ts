import { silent } from '../../../tests/support/silent-log';
import { runnable, type Reach } from './builtin';
import { aimOf } from './builtin-aim';
import { CallPath } from './call-path';
import type { HostTool } from './ports';

const tool: HostTool = {
  server: 'db',
  tool: 'query',
  inputSchema: { type: 'object' },
  settings: { arguments: { tenant: 'fixed' } },
};
const reach: Reach = { find: () => tool, search: () => [], nearest: () => [], servers: () => [] };
const limits = {
  rounds: 1,
  calls: 1,
  parallel: 1,
  turnMs: 1,
  answerMs: 1,
  callMs: 1,
  callMaxMs: 300_000,
  repeats: 5,
  resultBytes: 1000,
};

const host = { catalog: () => ({ version: 1, tools: [tool] }), call: async () => ({ content: [] }) };

describe('fixed arguments', () => {
  it.each([
    ['under its own name', 'db__query', { sql: 'x' }],
    ['through call_tool', 'call_tool', { name: 'db__query', arguments: { sql: 'x' } }],
  ])('go to the server and are not among those that are shown, for a call %s', async (_how, name, args) => {
    const range = {
      scope: 's',
      access: { denied: () => undefined, refusal: () => undefined },
      resolve: (asked: string) => (asked === 'call_tool' ? runnable('call_tool', reach) : tool),
    };
    const meant = await aimOf({ limits }, range, { id: 'c', name, arguments: JSON.stringify(args) });
    if (!('tool' in meant)) throw new Error('the call has no aim');
    const aim = await new CallPath({ host, limits, log: silent }).permitted({ ...range, caller: {} }, meant);
    expect(aim).toMatchObject({ arguments: { sql: 'x', tenant: 'fixed' }, asked: { sql: 'x' } });
    expect('asked' in aim && aim.asked).not.toHaveProperty('tenant');
  });
});
