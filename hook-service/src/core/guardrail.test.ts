import { silent } from '../../../tests/support/silent-log';
import { ClientToolGuard } from './client-tools';
import { judge, type GuardedPart, type Verdict } from './guardrail';
import { signMark } from './mark';
import { OfferBook } from './offer';
import type { JsonObject } from './json';

const secret = 'the secret of the test';
const book = new OfferBook(
  {
    catalog: () => ({ version: 1, tools: [{ server: 's', tool: 'look', inputSchema: { type: 'object' } }] }),
    call: async () => ({ content: [] }),
  },
  [
    {
      transport: 'http',
      name: 's',
      publicName: 's',
      url: 'http://s/mcp',
      headers: {},
      timeoutMs: 1000,
      requireApproval: 'never',
    },
  ],
);
const guard = new ClientToolGuard(
  {
    byDefault: 'none',
    rules: [{ keys: ['ada'], teams: [], users: [], allow: ['read', 'fetch'], deny: [] }],
    urls: [{ pattern: 'fetch', reach: 'public' }],
    stripsHidden: true,
  },
  { addresses: { classesOf: async (host) => (host === 'inside' ? ['private'] : ['public']) }, log: silent },
);

const tool = (name: string): JsonObject => ({ type: 'function', function: { name } });
const ask = (part: Partial<GuardedPart>): Promise<Verdict> =>
  judge(
    { guard, book, secrets: [secret] },
    { kind: 'request', caller: { alias: 'ada', key: 'k' }, texts: [], tools: [], calls: [], ...part },
  );

describe('a guardrail of LiteLLM', () => {
  it('lets everything pass where nothing is set', async () => {
    const part = {
      kind: 'response',
      caller: {},
      texts: [],
      tools: [],
      calls: [{ name: 'x', arguments: '' }],
    } as const;
    expect(await judge({ book, secrets: [secret] }, part)).toEqual({ action: 'pass' });
  });

  it('takes out of a request the tools that the key may not use', async () => {
    expect(await ask({ tools: [tool('read'), tool('shell')] })).toEqual({
      action: 'change',
      tools: [tool('read')],
    });
    expect(await ask({ tools: [tool('read')] })).toEqual({ action: 'pass' });
  });

  it('refuses a request that would keep no tool, since LiteLLM would keep them all', async () => {
    expect(await ask({ tools: [tool('shell')] })).toMatchObject({
      action: 'block',
      reason: expect.stringContaining('"shell"'),
    });
  });

  it('leaves ours alone, and refuses to take something out in front of them', async () => {
    expect(await ask({ tools: [tool('read'), tool('s__look')] })).toEqual({ action: 'pass' });
    expect(await ask({ tools: [tool('shell'), tool('s__look')] })).toMatchObject({
      action: 'block',
      reason: expect.stringContaining('listed before toolturn'),
    });
  });

  it('takes hidden characters out of texts', async () => {
    expect(await ask({ texts: ['plain', 'a\u202eb'] })).toEqual({ action: 'change', texts: ['plain', 'ab'] });
  });

  it('blocks an answer with a call that the key may not make, or with an address inside', async () => {
    const response = (name: string, args = '{}') =>
      ask({ kind: 'response', calls: [{ name, arguments: args }] });
    expect(await response('read')).toEqual({ action: 'pass' });
    expect(await response('s__look')).toEqual({ action: 'pass' });
    expect(await response('shell')).toMatchObject({ action: 'block' });
    expect(await response('fetch', '{"url":"http://inside/"}')).toMatchObject({ action: 'block' });
    expect(await response('fetch', '{"url":"http://example.com/"}')).toEqual({ action: 'pass' });
  });

  it('lets later rounds of a turn pass by their mark, which nobody can make up', async () => {
    const signed = (key: string) => signMark(secret, 'turn-1', key, Math.ceil(Date.now() / 1000) + 60);
    expect(await ask({ tools: [tool('shell')], continuation: signed('k') })).toEqual({ action: 'pass' });
    expect(await ask({ tools: [tool('shell')], continuation: signed('other') })).toMatchObject({
      action: 'block',
    });
    expect(await ask({ tools: [tool('shell')], continuation: '[present]' })).toMatchObject({
      action: 'block',
    });
  });
});
