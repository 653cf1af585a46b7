import type { JsonObject } from '../core/json';
import { responses } from './responses';

const offered = {
  name: 'notes__echo',
  host: { server: 'notes', tool: 'echo', description: 'Echoes.', inputSchema: { type: 'object' } },
};
const own = { type: 'function', name: 'weather', parameters: {} };
const body = (more: object): JsonObject => ({ model: 'm', input: 'Hello', ...more });

describe('a path', () => {
  it.each(['/v1/responses', '/responses', '/openai/v1/responses'])('of the Responses API is %s', (path) => {
    expect(responses.matches(path)).toBe(true);
  });

  it.each(['/v1/responses/resp_1', '/v1/responses/resp_1/cancel', '/v1/chat/completions', '/v1/responses/'])(
    'of the Responses API is not %s',
    (path) => {
      expect(responses.matches(path)).toBe(false);
    },
  );
});

describe('the tools of a Responses request', () => {
  it('are functions by name, and nothing is unknown', () => {
    expect(responses.clientTools(body({ tools: [own] }))).toEqual({
      requested: false,
      count: 1,
      names: new Set(['weather']),
      opaque: false,
    });
  });

  it('are opaque where an entry is no function; names inside a namespace are the client’s', () => {
    const namespace = { type: 'namespace', name: 'agents', tools: [{ type: 'function', name: 'spawn' }] };
    const list = [own, namespace, { type: 'web_search' }, { type: 'custom', name: 'patch' }];
    expect(responses.clientTools(body({ tools: list }))).toMatchObject({
      count: 4,
      names: new Set(['weather', 'spawn', 'agents.spawn', 'patch']),
      opaque: true,
    });
  });

  it('were asked for in so many words by "auto"', () => {
    expect(responses.clientTools(body({ tools: 'auto' }))).toMatchObject({ requested: true, count: 0 });
  });

  it.each([
    [{ input: undefined }, 'no input'],
    [{ tools: 'all' }, 'not a list'],
    [{ tool_choice: 'none' }, 'none'],
    [{ background: true }, 'background'],
    [{ conversation: 'conv_1' }, 'keeps the conversation'],
    [{ prompt: { id: 'pmpt_1' } }, 'template'],
    [{ tools: [own], tool_choice: 'required' }, 'asks for a tool of the client'],
    [{ tools: [own], tool_choice: { type: 'function', name: 'weather' } }, 'asks for a tool of the client'],
  ])('get nothing of ours beside them with %j', (more, why) => {
    expect(responses.clientTools(body(more)).refusal).toContain(why);
  });

  it.each([[{}], [{ tools: null, tool_choice: 'auto' }], [{ previous_response_id: 'resp_1', store: false }]])(
    'get ours behind them with %j',
    (more) => {
      expect(responses.clientTools(body(more)).refusal).toBeUndefined();
    },
  );

  it('stand in front of ours, which are flat, not strict, and known again', () => {
    const { set } = responses.offer(body({ tools: [own] }), [offered]);
    expect(set['tools']).toEqual([
      own,
      {
        type: 'function',
        name: 'notes__echo',
        description: 'Echoes.',
        parameters: { type: 'object', properties: {} },
        strict: false,
      },
    ]);
    const armed = { ...body({}), ...set };
    expect(responses.offered(armed, 1)).toEqual(new Set(['notes__echo']));
    expect(responses.withdraw(armed, 1)['tools']).toEqual([own]);
    expect(responses.withdraw(armed, 0)).toEqual(body({}));
  });
});

describe('the next request of a Responses turn', () => {
  const call = (name: string, written: string): JsonObject => ({
    type: 'function_call',
    id: `fc_${name}`,
    call_id: `call_${name}`,
    name,
    arguments: written,
  });

  it('keeps the client’s previous_response_id, drops a forced choice, and answers each call', () => {
    const round = responses.read({ id: 'resp_2', output: [call('a', '{"x":1}')] }, 'turn0001', 1);
    const [first] = round.calls;
    const request = body({ previous_response_id: 'resp_1', tool_choice: 'required', temperature: 0.5 });
    expect(responses.next(request, round, [{ call: first!, text: 'done', milliseconds: 1 }])).toEqual({
      model: 'm',
      previous_response_id: 'resp_1',
      temperature: 0.5,
      input: [
        { role: 'user', content: 'Hello' },
        call('a', '{"x":1}'),
        { type: 'function_call_output', call_id: 'call_a', output: 'done' },
      ],
    });
  });

  it('carries images of a result beside its text, and readable arguments for a call that broke off', () => {
    const round = responses.read({ id: 'resp_2', output: [call('a', '{"x":')] }, 'turn0001', 1);
    const [first] = round.calls;
    const media = [{ type: 'image' as const, data: 'QUJD', mimeType: 'image/png' }];
    const next = responses.next(body({}), round, [
      { call: first!, text: 'a picture', media, milliseconds: 1 },
    ]);
    expect(next['input']).toMatchObject([
      {},
      { arguments: '{}' },
      {
        output: [
          { type: 'input_text', text: 'a picture' },
          { type: 'input_image', image_url: 'data:image/png;base64,QUJD' },
        ],
      },
    ]);
  });

  it('holds no null that LiteLLM added to an item', () => {
    const received = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      phase: null,
      content: [{ type: 'output_text', text: 'Hi.', annotations: [], logprobs: null }],
    };
    const round = responses.read({ id: 'resp_2', output: [received, call('a', '{}')] }, 'turn0001', 1);
    expect(JSON.stringify(responses.next(body({}), round, [])['input'])).not.toContain('null');
  });
});
