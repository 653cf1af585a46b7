import { ApprovalPolicy, type RequireApproval } from './approval-policy';
import type { HostTool } from './ports';
import type { ServerConfig } from './servers';

const server = (publicName: string, requireApproval: RequireApproval = 'never'): ServerConfig => ({
  transport: 'http',
  name: publicName,
  publicName,
  url: 'http://s/mcp',
  headers: {},
  timeoutMs: 1000,
  requireApproval,
});
const tool = (name: string, of = 's'): HostTool => ({ server: of, tool: name, inputSchema: {} });
const asks = (wanted: RequireApproval, name: string): boolean =>
  new ApprovalPolicy([], [server('s', wanted)]).expiry({}, tool(name), `s__${name}`) !== undefined;

describe('require_approval of a server', () => {
  it.each<[RequireApproval, boolean, boolean, boolean]>([
    ['never', false, false, false],
    ['always', true, true, true],
    [{ always: ['drop'] }, true, false, false],
    [{ never: ['read'] }, true, false, true],
    [{ always: ['drop'], never: ['read'] }, true, false, true],
    [{ always: ['drop', 'read'], never: ['read'] }, true, true, true],
    [{}, false, false, false],
  ])('%j', (wanted, drop, read, other) => {
    expect([asks(wanted, 'drop'), asks(wanted, 'read'), asks(wanted, 'other')]).toEqual([drop, read, other]);
  });

  it('goes by the name that the config gives a tool too', () => {
    const policy = new ApprovalPolicy([], [server('s', { always: ['erase'] })]);
    expect(policy.expiry({}, { ...tool('drop'), shownAs: 'erase' }, 's__erase')).toBe(900);
  });
});

describe('rules of approval', () => {
  const policy = new ApprovalPolicy(
    [
      { tools: ['*__delete_*'], keys: ['interns'], expiresSeconds: 60 },
      { tools: ['*__delete_*'], servers: ['fs'], expiresSeconds: 120 },
      { servers: ['db'], expiresSeconds: 300 },
    ],
    [server('fs'), server('db'), server('web')],
  );
  it.each<[string, string, object, number | undefined]>([
    ['fs', 'delete_file', {}, 120],
    ['fs', 'delete_file', { alias: 'interns' }, 60],
    ['fs', 'read_file', { alias: 'interns' }, undefined],
    ['db', 'query', {}, 300],
    ['web', 'delete_page', {}, undefined],
    ['web', 'delete_page', { alias: 'interns' }, 60],
    ['web', 'get', {}, undefined],
  ])('for %s.%s of %j: %s', (of, name, caller, seconds) => {
    expect(policy.expiry(caller, tool(name, of), `${of}__${name}`)).toBe(seconds);
  });

  it('can be added to by a request, and not taken away from', () => {
    const wants = (of: string, approval: RequireApproval) => ({ servers: [{ server: of, approval }] });
    expect(policy.expiry({}, tool('get', 'web'), 'web__get', wants('web', 'always'))).toBe(900);
    expect(policy.expiry({}, tool('query', 'db'), 'db__query', wants('db', 'never'))).toBe(300);
  });
});
