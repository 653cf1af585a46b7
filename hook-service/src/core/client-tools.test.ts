import { ClientToolGuard, clientToolName, unreadableForms, type ClientToolPolicy } from './client-tools';
import type { JsonObject } from './json';
import { chat } from '../dialects/chat';
import { generateContent } from '../dialects/generate-content';
import { responses } from '../dialects/responses';

const nobody = { keys: [], teams: [], users: [] };
const everybody = { ...nobody, keys: ['*'] };
const open: ClientToolPolicy = { byDefault: 'all', rules: [], urls: [], stripsHidden: false };

function guardOf(policy: Partial<ClientToolPolicy>) {
  const lines: unknown[] = [];
  const write = (message: string, fields?: object): void => void lines.push([message, fields]);
  const guard = new ClientToolGuard(
    { ...open, ...policy },
    {
      addresses: {
        classesOf: async (host) => (host.startsWith('10.') ? ['private'] : ['public']),
      },
      log: { debug: write, info: write, warn: write, error: write },
    },
  );
  return { guard, lines };
}

describe('tools of clients', () => {
  it('are all allowed where no rule fits and the default is all', () => {
    const { guard } = guardOf({ rules: [{ ...nobody, keys: ['nightly'], deny: ['Bash'] }] });
    expect([guard.allows({ alias: 'ada' }, 'Bash'), guard.allows({ alias: 'nightly' }, 'Bash')]).toEqual([
      true,
      false,
    ]);
    expect([guard.limits({ alias: 'ada' }), guard.limits({ alias: 'nightly' })]).toEqual([false, true]);
  });

  it('are those of all grants together, without what any rule denies', () => {
    const { guard } = guardOf({
      byDefault: 'none',
      rules: [
        { ...nobody, keys: ['ada'], allow: ['Read'], deny: [] },
        { ...nobody, teams: ['red'], allow: ['*Search', 'Write'], deny: [] },
        { ...everybody, deny: ['Write'] },
      ],
    });
    const may = (caller: object) =>
      ['Read', 'WebSearch', 'Write'].filter((name) => guard.allows(caller, name));
    expect(may({ alias: 'ada' })).toEqual(['Read']);
    expect(may({ alias: 'ada', team: 'red' })).toEqual(['Read', 'WebSearch']);
    expect(may({ alias: 'eve' })).toEqual([]);
  });

  it('are refused in calls by name and by address, with a line in the log and without arguments', async () => {
    const { guard, lines } = guardOf({
      rules: [{ ...everybody, deny: ['Bash'] }],
      urls: [{ pattern: '*fetch', reach: 'public' }],
    });
    const ask = async (name: string, args: string) =>
      (await guard.refusal({ alias: 'ada' }, { name, arguments: args }))?.message;
    expect(await ask('Bash', '{"command":"secret words"}')).toBe(
      'The model called the tool "Bash" of the client, and this key may not use it (toolturn.client_tools).',
    );
    expect(await ask('web_fetch', '{"url":"http://10.0.0.1/secret"}')).toContain(
      'leads into an internal network',
    );
    expect(await ask('web_fetch', '{"url":"https://example.com/"}')).toBeUndefined();
    expect(await ask('Read', '{"url":"http://10.0.0.1/"}')).toBeUndefined();
    expect(lines).toHaveLength(2);
    expect(JSON.stringify(lines)).toMatch(/"tool":"Bash".*"key_alias":"ada"/);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('have an address looked at also where the arguments are no JSON', async () => {
    const { guard } = guardOf({ urls: [{ pattern: 'fetch', reach: 'public' }] });
    const refusal = await guard.refusal({}, { name: 'fetch', arguments: 'GET http://10.0.0.1/ now' });
    expect(refusal).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('lose hidden characters in what their client sends where that is asked for, and nothing otherwise', () => {
    const body: JsonObject = {
      messages: [
        { role: 'tool', content: 'a\u202eb' },
        { role: 'user', content: [{ text: 'c\u{e0041}' }] },
      ],
      tools: [{ type: 'function', function: { name: 'x', description: 'd\u200b' } }],
      model: 'm',
    };
    expect(guardOf({}).guard.cleanRequest(body)).toBe(body);
    const { guard } = guardOf({ stripsHidden: true });
    expect(guard.cleanRequest(body)).toEqual({
      messages: [
        { role: 'tool', content: 'ab' },
        { role: 'user', content: [{ text: 'c' }] },
      ],
      tools: [{ type: 'function', function: { name: 'x', description: 'd' } }],
      model: 'm',
    });
    const plain = { messages: [{ role: 'user', content: 'plain' }] };
    expect(guard.cleanRequest(plain)).toBe(plain);
  });

  it('are known by their name, or by their kind', () => {
    expect(
      [
        { type: 'function', function: { name: 'a' } },
        { type: 'custom', name: 'b' },
        { name: 'c', input_schema: {} },
        { type: 'code_interpreter' },
        { googleSearch: {} },
        7,
      ].map((entry) => clientToolName(entry)),
    ).toEqual(['a', 'b', 'c', 'code_interpreter', 'googleSearch', undefined]);
  });

  it('are not followed in requests whose reason for no offer is one of those, in the words of the dialects', () => {
    const reasons = [
      chat.clientTools({ messages: [], n: 2 }),
      chat.clientTools({ messages: [], functions: [] }),
      responses.clientTools({ input: '', background: true }),
      generateContent.clientTools({ contents: [], generationConfig: { candidateCount: 2 } }),
      generateContent.clientTools({
        contents: [],
        toolConfig: { functionCallingConfig: { streamFunctionCallArguments: true } },
      }),
    ].map(({ refusal }) => refusal);
    expect(new Set(reasons)).toEqual(unreadableForms);
  });
});
