import type { AccessPolicy, AccessRule } from '../core/access';
import type { RemoteServer } from '../core/servers';
import { whoMay } from './who-may';

const server: RemoteServer = {
  name: 'notes',
  publicName: 'notes',
  transport: 'http',
  url: 'http://127.0.0.1/mcp',
  headers: {},
  timeoutMs: 1,
  requireApproval: 'never',
};
const rule = (more: Partial<AccessRule>): AccessRule => ({
  keys: [],
  teams: [],
  users: [],
  deny: [],
  parameters: [],
  ...more,
});
const policy = (byDefault: 'all' | 'none', ...rules: AccessRule[]): AccessPolicy => ({
  byDefault,
  litellmGrants: 'ignored',
  rules,
});
const rulesOf = (access: AccessPolicy, of = server) => whoMay(access, of, 'notes__look_up').rules;

describe('who may use a tool', () => {
  it('is everybody where nothing says otherwise', () => {
    expect(rulesOf(policy('all'))).toEqual(['Everybody.']);
  });

  it('is nobody where no rule grants it and nothing is granted by default', () => {
    expect(rulesOf(policy('none', rule({ keys: ['alice'], servers: ['others'] })))).toEqual([
      'Nobody: no rule grants it, and access.default is none.',
    ]);
  });

  it('names those whom rules grant and deny it, hashes of keys shortened', () => {
    const hash = 'ab12cd34'.repeat(8);
    const access = policy(
      'none',
      rule({ keys: [hash], teams: ['desk'], allow: ['notes__*'] }),
      rule({ users: ['eve'], deny: ['*__look_up'] }),
    );
    expect(rulesOf(access)).toEqual([
      'Denied to user eve.',
      'key ab12cd34…, team desk are granted it by a rule.',
    ]);
  });

  it('is counted where a server names keys of its own, and says that LiteLLM has a word in it', () => {
    const access = { ...policy('all'), litellmGrants: 'honoured' as const };
    expect(rulesOf(access, { ...server, allowedKeyHashes: ['a', 'b'] })).toEqual([
      'Only 2 keys of the server’s api_keys.',
      'What LiteLLM itself grants to a key, team or end user cuts this further.',
    ]);
  });
});
