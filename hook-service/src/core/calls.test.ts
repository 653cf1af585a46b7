import { sampleCatalog } from '../../../tests/support/sample-catalog';
import { silent } from '../../../tests/support/silent-log';
import { indexTools } from '../search/tool-search';
import { memoryCallStore } from '../state/claims';
import { memoryTexts } from '../state/texts';
import { CallRunner, type CallContext } from './calls';
import type { Outcome } from './dialect';
import { OfferBook } from './offer';
import type { TextStore, ToolCallRequest, ToolHost, ToolResult } from './ports';

const tools = sampleCatalog(500);
const catalog = { version: 1, tools };
const servers = [...new Set(tools.map((tool) => tool.server))].map((name) => ({
  transport: 'http' as const,
  name,
  publicName: name,
  url: 'http://h/mcp',
  headers: {},
  timeoutMs: 1000,
  requireApproval: 'never' as const,
}));

interface Turn {
  run(name: string, args: unknown, id?: string): Promise<Outcome>;
  readonly made: ToolCallRequest[];
  readonly texts: TextStore;
}

/** A turn in which these names were offered. */
function turnWith(options: {
  offered: readonly string[];
  answer?: () => ToolResult;
  resultBytes?: number;
  texts?: TextStore;
  scope?: string;
  selects?: (tool: { server: string }) => boolean;
}): Turn {
  const made: ToolCallRequest[] = [];
  const host: ToolHost = {
    catalog: () => catalog,
    call: async (request) => {
      made.push(request);
      return options.answer?.() ?? { content: [{ type: 'text', text: `did ${request.tool}` }] };
    },
  };
  const book = new OfferBook(host, servers, {
    search: { aboveTokens: 6000, pinned: [], indexTools },
    readMore: true,
  });
  const texts = options.texts ?? memoryTexts();
  const runner = new CallRunner({
    host,
    store: memoryCallStore(),
    texts,
    limits: {
      rounds: 3,
      calls: 10,
      parallel: 2,
      turnMs: 60_000,
      answerMs: 60_000,
      callMs: 60_000,
      callMaxMs: 300_000,
      repeats: 5,
      resultBytes: options.resultBytes ?? 100_000,
    },
    outcomeTtlSeconds: 60,
    log: silent,
  });
  const context: CallContext = {
    turn: 'turn-1',
    scope: options.scope ?? 'scope-1',
    caller: {},
    access: book.accessOf({}),
    resolve: (name) => (options.offered.includes(name) ? book.resolve({}, name, options.selects) : undefined),
    signal: new AbortController().signal,
    gate: { execute: (run) => run() },
  };
  let count = 0;
  return {
    made,
    texts,
    run: (name, args, id = `c${++count}`) =>
      runner.run(context, 1, { id, name, arguments: typeof args === 'string' ? args : JSON.stringify(args) }),
  };
}

const searched = ['search_tools', 'call_tool', 'read_more'];

describe('search_tools', () => {
  it('answers with a JSON list of what is needed to call the tools', async () => {
    const outcome = await turnWith({ offered: searched }).run('search_tools', {
      query: 'create an issue on GitHub',
      limit: 3,
    });
    const list = JSON.parse(outcome.text) as object[];
    expect(list).toHaveLength(3);
    expect(list[0]).toEqual({
      name: 'github__create_issue',
      server: 'github',
      description: 'Create a new issue in a GitHub repository',
      input_schema: expect.objectContaining({ type: 'object', required: ['owner', 'repo', 'title'] }),
    });
    expect(outcome).not.toHaveProperty('failure');
  });

  it('gives the tools of one server, also without words', async () => {
    const turn = turnWith({ offered: searched });
    const list = JSON.parse((await turn.run('search_tools', { query: '', server: 'monitoring' })).text) as {
      name: string;
    }[];
    expect(list.map(({ name }) => name)).toContain('monitoring__search_logs');
    expect(list).toHaveLength(5);
    expect((await turn.run('search_tools', { query: 'x', server: 'nope' })).text).toMatch(
      /There is no server nope. Servers: filesystem, memory/,
    );
  });

  it.each([[{}], [{ query: 3 }], [{ query: ' ' }]])('asks for words when given %j', async (args) => {
    const outcome = await turnWith({ offered: searched }).run('search_tools', args);
    expect(outcome).toMatchObject({ failure: 'invalid_arguments', text: expect.stringContaining('"query"') });
  });

  it.each([
    [0, 1],
    [-5, 1],
    [7, 7],
    ['4', 4],
    [1000, 20],
    ['many', 5],
  ])('gives, with limit %j, %d tools', async (limit, count) => {
    const { text } = await turnWith({ offered: searched }).run('search_tools', { query: 'list get', limit });
    expect(JSON.parse(text)).toHaveLength(count);
  });

  it('is bounded by result_bytes, and gives one tool at least', async () => {
    const turn = turnWith({ offered: searched, resultBytes: 1000 });
    const { text } = await turn.run('search_tools', { query: 'workflow', limit: 20 });
    expect(text.length).toBeLessThan(3000);
    expect((JSON.parse(text) as object[]).length).toBeGreaterThan(0);
  });
});

describe('call_tool', () => {
  it('runs the tool, and the outcome says which', async () => {
    const turn = turnWith({ offered: searched });
    const outcome = await turn.run('call_tool', {
      name: 'github__get_issue',
      arguments: { issue_number: 7 },
    });
    expect(outcome).toMatchObject({ text: 'did get_issue', ran: 'github__get_issue' });
    expect(turn.made).toMatchObject([
      { server: 'github', tool: 'get_issue', arguments: { issue_number: 7 } },
    ]);
  });

  it.each([
    ['arguments written as text', { name: 'fetch__fetch', arguments: '{"url":"u"}' }, { url: 'u' }],
    ['no arguments', { name: 'fetch__fetch' }, {}],
    ['null', { name: 'fetch__fetch', arguments: null }, {}],
  ])('takes %s', async (_what, args, given) => {
    const turn = turnWith({ offered: searched });
    await turn.run('call_tool', args);
    expect(turn.made).toMatchObject([{ tool: 'fetch', arguments: given }]);
  });

  it.each([
    ['no name', {}, 'invalid_arguments', /Give the name/],
    ['arguments that are a list', { name: 'fetch__fetch', arguments: [1] }, 'invalid_arguments', /an array/],
    ['broken arguments', { name: 'fetch__fetch', arguments: '{"u' }, 'invalid_arguments', /not valid JSON/],
    ['itself', { name: 'call_tool' }, 'unknown_tool', /Unknown tool call_tool/],
    [
      'a wrong name',
      { name: 'github__make_issue', arguments: {} },
      'unknown_tool',
      /nearest names are: .*github__/,
    ],
  ])('tells the model about %s and runs nothing', async (_what, args, failure, text) => {
    const turn = turnWith({ offered: searched });
    expect(await turn.run('call_tool', args)).toMatchObject({ failure, text: expect.stringMatching(text) });
    expect(turn.made).toEqual([]);
  });

  it('reaches nothing that the request did not select', async () => {
    const turn = turnWith({ offered: searched, selects: (tool) => tool.server === 'memory' });
    const outcome = await turn.run('call_tool', { name: 'github__get_issue', arguments: {} });
    expect(outcome.failure).toBe('unknown_tool');
    expect(outcome.text).not.toContain('github__create');
    expect(turn.made).toEqual([]);
  });

  it('makes a call run once, like a direct one', async () => {
    const turn = turnWith({ offered: searched });
    const args = { name: 'github__create_issue', arguments: { title: 'x' } };
    const [one, two] = await Promise.all([
      turn.run('call_tool', args, 'same'),
      turn.run('call_tool', args, 'same'),
    ]);
    await turn.run('call_tool', args, 'same');
    expect(turn.made).toHaveLength(1);
    expect(one.text).toBe(two.text);
  });

  it('is not needed for a tool that was found: its own name will do', async () => {
    const turn = turnWith({ offered: searched });
    expect(await turn.run('github__get_issue', {})).toMatchObject({ text: 'did get_issue' });
  });

  it('was not offered: then a tool that was not offered does not run', async () => {
    const turn = turnWith({ offered: ['fetch__fetch'] });
    expect(await turn.run('github__get_issue', {})).toMatchObject({ failure: 'unknown_tool' });
    expect(await turn.run('call_tool', { name: 'github__get_issue' })).toMatchObject({
      failure: 'unknown_tool',
    });
    expect(turn.made).toEqual([]);
  });
});

describe('a result that is too long', () => {
  const long = Array.from({ length: 900 }, (_, i) => `line ${i} é😀`).join('\n');
  const answer = (): ToolResult => ({ content: [{ type: 'text', text: long }] });
  const note = /call (\w+) with handle "([0-9a-f]{24})" and offset (\d+)/;

  it('can be read to its end, character by character', async () => {
    const turn = turnWith({ offered: ['fetch__fetch', 'read_more'], answer, resultBytes: 1001 });
    let { text } = await turn.run('fetch__fetch', {});
    let read = text.slice(0, text.lastIndexOf('\n['));
    for (let next = note.exec(text); next !== null; next = note.exec(text)) {
      text = (await turn.run('read_more', { handle: next[2], offset: Number(next[3]) })).text;
      read += text.slice(0, text.lastIndexOf('\n['));
    }
    expect(text).toMatch(/this is the end of it\]$/);
    expect(read).toBe(long);
  });

  it('is the same again when the hook is repeated', async () => {
    const turn = turnWith({ offered: ['fetch__fetch', 'read_more'], answer, resultBytes: 1000 });
    const [one, two] = [await turn.run('fetch__fetch', {}, 'c'), await turn.run('fetch__fetch', {}, 'c')];
    expect(one.text).toBe(two.text);
    expect((await turn.run('fetch__fetch', {}, 'd')).text).not.toBe(one.text);
  });

  it('says nothing of a handle where there is no way to read on', async () => {
    const offered = ['fetch__fetch'];
    expect((await turnWith({ offered, answer, resultBytes: 1000 }).run('fetch__fetch', {})).text).toMatch(
      /\[cut here: \d+ of \d+ bytes shown\]$/,
    );
    const full: TextStore = { keep: async () => false, read: async () => undefined };
    const broken: TextStore = {
      keep: () => Promise.reject(new Error('x')),
      read: () => Promise.reject(new Error('x')),
    };
    for (const texts of [full, broken]) {
      const turn = turnWith({ offered: [...offered, 'read_more'], answer, resultBytes: 1000, texts });
      expect((await turn.run('fetch__fetch', {})).text).toMatch(/\[cut here: \d+ of \d+ bytes shown\]$/);
      expect(await turn.run('read_more', { handle: 'a'.repeat(24) })).toMatchObject({
        failure: 'tool_error',
      });
    }
  });

  it('can be read under the name that was offered, and by nobody else', async () => {
    const offered = ['fetch__fetch', 'toolturn__read_more'];
    const turn = turnWith({ offered, answer, resultBytes: 1000 });
    const { text } = await turn.run('fetch__fetch', {});
    const [, name = '', handle] = note.exec(text) ?? [];
    expect(name).toBe('toolturn__read_more');
    expect((await turn.run(name, { handle, offset: 0 })).text).toContain('line 0');
    const other = turnWith({ offered, texts: turn.texts, scope: 'scope-2' });
    expect(await other.run(name, { handle, offset: 0 })).toMatchObject({
      failure: 'tool_error',
      text: expect.stringContaining('no text under this handle'),
    });
  });

  it('is kept up to 4 MB, and the note says what was not', async () => {
    const huge = (): ToolResult => ({ content: [{ type: 'text', text: 'x'.repeat(5_000_000) }] });
    const turn = turnWith({ offered: ['fetch__fetch', 'read_more'], answer: huge });
    const { text } = await turn.run('fetch__fetch', {});
    expect(text).toContain('100000 of 5000000 bytes shown');
    expect(text).toContain('what lies behind byte 4194304 was not kept');
    const handle = note.exec(text)?.[2];
    expect((await turn.run('read_more', { handle, offset: 4_194_300 })).text).toMatch(
      /^xxxx\n.*the end of it/,
    );
    expect((await turn.run('read_more', { handle, offset: 9e9 })).text).toMatch(/The text ends at 4194304/);
  });

  it.each([[{}], [{ handle: 3 }], [{ handle: '../x', offset: -1 }], [{ handle: '*'.repeat(24) }]])(
    'is not found under %j',
    async (args) => {
      const turn = turnWith({ offered: ['read_more'] });
      expect(await turn.run('read_more', args)).toMatchObject({ failure: 'tool_error' });
    },
  );
});

describe('images and audio of a result', () => {
  const png = { type: 'image' as const, data: 'iVBORw0KGgoAAAAN', mimeType: 'image/png' };

  it('go along beside the text', async () => {
    const answer = (): ToolResult => ({ content: [{ type: 'text', text: 'A picture:' }, png] });
    const outcome = await turnWith({ offered: ['fetch__fetch'], answer }).run('fetch__fetch', {});
    expect(outcome.media).toEqual([png]);
    expect(outcome.text).toBe(
      'A picture:\n[image image/png, 12 bytes, beside this text if it can be shown here]',
    );
  });
});
