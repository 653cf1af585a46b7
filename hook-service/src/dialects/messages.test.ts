import fc from 'fast-check';
import type { OfferedTool, Outcome } from '../core/dialect';
import { ToolturnError } from '../core/errors';
import type { JsonObject } from '../core/json';
import { messages } from './messages';

const text = (said: string): JsonObject => ({ type: 'text', text: said });
const call = (id: string, name = 'notes__echo', input: JsonObject = { n: 1 }): JsonObject => ({
  type: 'tool_use',
  id,
  name,
  input,
});
const response = (content: JsonObject[], more: JsonObject = {}): JsonObject => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content,
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 2 },
  ...more,
});
const read = (content: JsonObject[], more: JsonObject = {}, round = 1) =>
  messages.read(response(content, more), 'turn-0001', round);
const outcome = (id: string, said: string, more: Partial<Outcome> = {}): Outcome => ({
  call: { id, name: 'notes__echo', arguments: '{}' },
  text: said,
  milliseconds: 1,
  ...more,
});
const weather: JsonObject = { name: 'weather', input_schema: { type: 'object' } };

describe('the messages dialect', () => {
  it.each([
    ['/v1/messages', true],
    ['/claude_code_gateway/v1/messages', true],
    ['/v1/messages/count_tokens', false],
    ['/v1/messages/batches', false],
    ['/anthropic/v1/messages', false],
    ['/v1/threads/t/messages', false],
  ])('is spoken at %s: %s', (path, spoken) => {
    expect(messages.matches(path)).toBe(spoken);
  });

  it.each<[string, JsonObject, string | undefined]>([
    ['no tools at all', {}, undefined],
    ['tool_choice auto', { tools: [weather], tool_choice: { type: 'auto' } }, undefined],
    ['tool_choice any without tools of the client', { tool_choice: { type: 'any' } }, undefined],
    ['tool_choice none', { tool_choice: { type: 'none' } }, 'tool_choice is none'],
    [
      'tool_choice any beside tools of the client',
      { tools: [weather], tool_choice: { type: 'any' } },
      'tool_choice asks for a tool of the client',
    ],
    [
      'tool_choice of one tool',
      { tools: [weather], tool_choice: { type: 'tool', name: 'weather' } },
      'tool_choice asks for a tool of the client',
    ],
    ['tools that are no list', { tools: { a: 1 } }, 'tools is not a list'],
    ['tools: auto', { tools: 'auto' }, undefined],
  ])('may add tools to a request or says why not: %s', (_what, more, refusal) => {
    expect(messages.clientTools({ messages: [], ...more }).refusal).toBe(refusal);
  });

  it.each<[string, JsonObject, boolean, string[]]>([
    ['a tool without a type', weather, false, ['weather']],
    [
      'a tool of type custom, with a mark for the cache',
      { ...weather, type: 'custom', cache_control: {} },
      false,
      ['weather'],
    ],
    ['a search on the server', { type: 'web_search_20250305', name: 'web_search' }, true, ['web_search']],
    [
      'a tool that Anthropic defines and the client runs',
      { type: 'bash_20250124', name: 'bash' },
      true,
      ['bash'],
    ],
    ['the tools of an MCP server', { type: 'mcp_toolset', mcp_server_name: 'x' }, true, []],
  ])('knows what it cannot know of the client’s tools: %s', (_what, tool, opaque, names) => {
    const client = messages.clientTools({ messages: [], tools: [tool] });
    expect([client.opaque, [...client.names], client.count]).toEqual([opaque, names, 1]);
  });

  it('adds our tools behind the client’s, with the schema as the server wrote it', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } }, $defs: {} };
    const tool = (name: string, inputSchema: JsonObject, description?: string): OfferedTool => ({
      name,
      host: {
        server: 'notes',
        tool: name,
        inputSchema,
        ...(description === undefined ? {} : { description }),
      },
    });
    const body = { messages: [], tools: [weather] };
    const { set } = messages.offer(body, [tool('notes__a', schema, 'Does a.'), tool('notes__b', {})]);
    expect(set).toEqual({
      tools: [
        weather,
        { name: 'notes__a', description: 'Does a.', input_schema: schema },
        { name: 'notes__b', input_schema: { type: 'object' } },
      ],
    });
    expect(messages.offered({ ...body, ...set }, 1)).toEqual(new Set(['notes__a', 'notes__b']));
    expect(messages.withdraw({ ...body, ...set }, 1)).toEqual(body);
    expect(messages.withdraw({ ...set, tool_choice: { type: 'any' } }, 0)).toEqual({});
    expect(messages.forbid(body)).toEqual({ ...body, tool_choice: { type: 'none' } });
  });
});

describe('a round of messages that is not streamed', () => {
  it('gives text and calls, and goes upstream as it came but for empty texts', () => {
    const thinking = { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' };
    const round = read([thinking, text('\n\n'), text('Let me '), text('see.'), call('a'), call('b', 'Bash')]);
    expect(round.text).toBe('\n\nLet me see.');
    expect(round.calls).toEqual([
      { id: 'a', name: 'notes__echo', arguments: '{"n":1}' },
      { id: 'b', name: 'Bash', arguments: '{"n":1}' },
    ]);
    expect(round.message).toEqual({
      role: 'assistant',
      content: [thinking, text('Let me '), text('see.'), call('a'), call('b', 'Bash')],
    });
  });

  it('does not let a call run that was cut off while it was written', () => {
    const cut = read([call('a'), call('b')], { stop_reason: 'max_tokens' });
    expect(cut.calls.map((each) => each.arguments)).toEqual(['{"n":1}', '{"n":1']);
    expect(read([call('a'), text('cut he')], { stop_reason: 'max_tokens' }).calls[0]?.arguments).toBe(
      '{"n":1}',
    );
  });

  it('makes up ids that are missing or come twice, the same in the answer', () => {
    const round = read([call(''), call('x', 'Bash'), call('x', 'Bash')]);
    const ids = round.calls.map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
    const answer = messages.finish([round], round.calls.slice(1)) as { content: JsonObject[] };
    expect(answer.content.map(({ id }) => id)).toEqual(ids.slice(1));
  });

  it.each<[string, JsonObject, JsonObject | undefined]>([
    ['auto', { type: 'auto' }, { type: 'auto' }],
    ['any', { type: 'any' }, undefined],
    ['tool', { type: 'tool', name: 'notes__echo' }, undefined],
    [
      'one call at a time',
      { type: 'any', disable_parallel_tool_use: true },
      { type: 'auto', disable_parallel_tool_use: true },
    ],
  ])('is followed by a request that forces no call: %s', (_what, choice, next) => {
    const body = { model: 'm', messages: [{ role: 'user', content: 'Hi.' }], tool_choice: choice };
    expect(messages.next(body, read([call('a')]), [outcome('a', 'one')])['tool_choice']).toEqual(next);
  });

  it('is answered with one result for each call, failures marked, images as images', () => {
    const media = [
      { type: 'image', mimeType: 'image/png', data: 'aW1n' },
      { type: 'image', mimeType: 'image/tiff', data: 'dGlmZg==' },
      { type: 'audio', mimeType: 'audio/wav', data: 'd2F2' },
    ] as const;
    const round = read([call('a'), call('b'), call('c')]);
    const body = messages.next({ messages: [{ role: 'user', content: 'Hi.' }] }, round, [
      outcome('a', 'one'),
      outcome('b', 'a picture', { media }),
      outcome('c', 'The disk is full.', { media, failure: 'tool_error' }),
    ]);
    expect((body['messages'] as JsonObject[]).slice(1)).toEqual([
      round.message,
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: 'one' },
          {
            type: 'tool_result',
            tool_use_id: 'b',
            content: [
              text('a picture'),
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aW1n' } },
            ],
          },
          { type: 'tool_result', tool_use_id: 'c', content: 'The disk is full.', is_error: true },
        ],
      },
    ]);
  });
});

describe('the answer of a turn that is not streamed', () => {
  it('is one message with the text of all rounds, the sum of usage, and no call of ours', () => {
    const rounds = [
      read([text('Let me see.'), call('a')], { stop_reason: 'tool_use' }),
      read([text('Hm.'), call('b')], { id: 'msg_2', stop_reason: 'tool_use' }, 2),
      read([text('Done.')], { id: 'msg_3', container: { id: 'c' } }, 3),
    ];
    expect(messages.finish(rounds, [])).toEqual(
      response([text('Let me see.\n\nHm.\n\nDone.')], {
        container: { id: 'c' },
        usage: { input_tokens: 30, output_tokens: 6 },
      }),
    );
  });

  it('keeps thinking, citations and unknown blocks where they were', () => {
    const thinking = (signature: string): JsonObject => ({ type: 'thinking', thinking: '', signature });
    const cited = { ...text('A.'), citations: [{ type: 'char_location' }] };
    const rounds = [
      read([thinking('one'), cited, { type: 'new' }, call('a')]),
      read([thinking('two'), cited, cited, call('b')]),
      read([cited, text('End.')]),
    ];
    expect(messages.finish(rounds, [])['content']).toEqual([
      thinking('one'),
      cited,
      { type: 'new' },
      thinking('two'),
      { ...cited, text: '\n\nA.' },
      cited,
      { ...cited, text: '\n\nA.' },
      text('End.'),
    ]);
  });

  it('hands the client its own calls and says so', () => {
    const round = read([text('Both.'), call('a'), call('b', 'Bash')], { stop_reason: 'tool_use' });
    const answer = messages.finish([round], round.calls.slice(1));
    expect(answer).toEqual(response([text('Both.'), call('b', 'Bash')], { stop_reason: 'tool_use' }));
  });

  it.each([
    ['pause_turn', 'pause_turn'],
    ['refusal', 'refusal'],
    ['tool_use', 'end_turn'],
  ])('ends with %s as %s', (reason, shown) => {
    const answer = messages.finish(
      [read([call('a')]), read([call('b')], { stop_reason: reason })],
      [],
      'A note.',
    );
    expect(answer).toMatchObject({ stop_reason: shown, content: [text('A note.')] });
  });

  it('loses no visible text, whatever the blocks are', () => {
    const block = fc.oneof(fc.string().map(text), fc.constant({ type: 'x' }), fc.constant(call('a')));
    fc.assert(
      fc.property(fc.array(fc.array(block), { minLength: 1 }), (blocks) => {
        const answer = messages.finish(
          blocks.map((each, n) => read(each, {}, n + 1)),
          [],
        );
        const bare = (said: string): string => said.replace(/\s+/g, '');
        const said = (answer['content'] as JsonObject[]).map((each) => String(each['text'] ?? '')).join('');
        expect(bare(said)).toBe(
          bare(
            blocks
              .flat()
              .map((each) => String('text' in each ? each.text : ''))
              .join(''),
          ),
        );
        expect(JSON.stringify(answer)).not.toContain('tool_use');
      }),
    );
  });

  it.each([
    [429, 'rate_limit_error'],
    [502, 'api_error'],
  ])('is an error in the form of the API where there is none: %s', (status, type) => {
    const error = new ToolturnError('upstream_failed', 'No luck.', { status });
    expect(messages.error(error)).toEqual({ type: 'error', error: { type, message: 'No luck.' } });
  });
});
