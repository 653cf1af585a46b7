/** What whoever reaches the hooks may send, and what a model may ask for: hook-service by itself. */
import { gate } from '../../scripts/src/gate';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { chatRequest, startLoneHook, withCalls, type LoneHook } from '../support/lone-hook';
import { lastResults, messagesOf, toolNames } from '../support/tools';

let fixture: HttpFixture;
let lone: LoneHook;
let [running, most] = [0, 0];
/** Held by the test that counts calls which run at once. */
let hold: () => Promise<unknown> = async () => undefined;

beforeAll(async () => {
  fixture = await startHttpFixture({
    json: true,
    tools: [
      {
        name: 'echo',
        handler: async (args) => {
          running += 1;
          most = Math.max(most, running);
          await hold();
          running -= 1;
          return { content: [{ type: 'text', text: `said ${String(args['text'])}` }] };
        },
      },
      { name: 'read_file', annotations: { readOnlyHint: true } },
      { name: 'delete_all', annotations: { readOnlyHint: true, destructiveHint: false } },
    ],
  });
  lone = await startLoneHook({
    servers: {
      notes: {
        url: fixture.url,
        transport: 'http',
        allowed_tools: ['echo', 'read_file'],
      },
    },
    toolturn: { limits: { parallel: 4, calls: 60, body_bytes: 200_000 } },
  });
}, 60_000);

afterAll(async () => {
  await lone?.stop();
  await fixture?.stop();
});

beforeEach(() => {
  lone.model.reset();
  lone.model.answerWith((request) => ({ text: lastResults(request).join('|') }));
});

const lives = async (): Promise<boolean> => (await fetch(`${lone.hook.url}/health/ready`)).ok;

describe('a body that is not what the door sends', () => {
  const nested = `${'['.repeat(80_000)}${']'.repeat(80_000)}`;
  const bodies: readonly [string, string | Uint8Array, number, RegExp][] = [
    ['larger than the limit', JSON.stringify({ pad: 'x'.repeat(300_000) }), 413, /limits\.body_bytes/],
    ['80,000 lists deep', nested, 400, /expected object/],
    ['80,000 lists deep in a field', `{"url": "x", "body": {"messages": ${nested}}}`, 400, /headers/],
    ['no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), 400, /url/],
    ['cut off', '{"url": "http://litellm/v1/chat/comp', 400, /not valid JSON/],
    ['nothing', '', 400, /JSON object|url/],
    ['a prototype', '{"__proto__": {"url": "x", "body": {}}, "constructor": {"prototype": {}}}', 400, /url/],
  ];

  it.each(['/hooks/pre-call', '/hooks/post-call'])(
    'A2: is refused in words at %s, and nothing breaks',
    async (path) => {
      for (const [what, body, status, message] of bodies) {
        const answer = await lone.post(path, body);
        expect([what, answer.status]).toEqual([what, status]);
        expect(await answer.text()).toMatch(message);
      }
      expect(await lives()).toBe(true);
      expect((await lone.armed(chatRequest())).turn).toBeDefined();
    },
  );

  it('A2: is refused at the hook for streams too', async () => {
    const [long, deep] = [`{"pad": "${'x'.repeat(300_000)}"}\n`, `${'['.repeat(80_000)}\n`];
    for (const [body, status] of [
      [long, 413],
      [deep, 400],
      ['', 400],
      ['{"url": 1}\n', 400],
    ] as const)
      expect((await lone.post('/hooks/stream', body)).status).toBe(status);
    expect(await lives()).toBe(true);
  });

  it('A2: with a prototype inside what is passed on changes nothing but itself', async () => {
    const request = JSON.stringify(chatRequest()).replace(
      '{"model"',
      '{"__proto__": {"tools": [1]}, "model"',
    );
    const answer: any = await (await lone.post('/hooks/pre-call', request)).json();
    expect(answer.action).toBe('arm');
    expect((await lone.armed(chatRequest())).body.tools).toHaveLength(2);
  });
});

describe('a request that is odd', () => {
  const decided = async (request: object): Promise<any> =>
    (await lone.post('/hooks/pre-call', request)).json();

  it('A3: is refused at a hook that there is not', async () => {
    expect((await lone.post('/hooks/mid-call', chatRequest())).status).toBe(404);
  });

  it('A3: goes on without tools where the caller said none, or tools make no sense in it', async () => {
    const odd: object[] = [
      chatRequest({ tool_choice: 'none' }),
      chatRequest({ tool_choice: 'none', tools: null }),
      { ...chatRequest(), url: 'http://litellm/v1/embeddings' },
      { ...chatRequest(), url: 'no address' },
    ];
    for (const request of odd) expect((await decided(request)).action).toBe('pass');
  });

  it('A3: keeps fields that nobody knows, lists that are null, and no messages at all', async () => {
    const odd = [
      { ...chatRequest({ x_new: { a: 1 } }), more: 'of it' },
      chatRequest({ tools: null }),
      chatRequest({ messages: [null, 3, { role: 7 }] }),
    ];
    for (const request of odd) {
      const answer = await decided(request);
      expect([answer.action, Object.keys(answer.set), answer.remove]).toEqual(['arm', ['tools'], []]);
    }
    for (const messages of [null, 'Hello?', undefined])
      expect((await decided(chatRequest({ messages }))).action).toBe('pass');
  });

  it('A4: leaves a tool of the client its name, and its calls to the client', async () => {
    const own = { type: 'function', function: { name: 'notes__echo', parameters: { type: 'object' } } };
    const other = { type: 'function', function: { name: 'notes__other' } };
    const before = fixture.calls.length;
    for (const tools of [[own], [own, other]]) {
      const request = chatRequest({ tools });
      const answer = await decided(request);
      const offered = toolNames({ body: { ...(request as any).body, ...answer.set } } as never);
      expect(offered.filter((name) => name === 'notes__echo')).toHaveLength(1);
    }
    const request = await lone.armed(chatRequest({ tools: [other] }));
    const response = withCalls([{ name: 'notes__other', arguments: '{}' }]);
    expect(await (await lone.post('/hooks/post-call', { ...request, response })).json()).toEqual({
      action: 'pass',
    });
    expect(fixture.calls).toHaveLength(before);
  });
});

describe('calls of a model', () => {
  const afterwards = async (calls: Parameters<typeof withCalls>[0], request?: any): Promise<any> => {
    const armed = request ?? (await lone.armed(chatRequest()));
    const answer = await lone.post('/hooks/post-call', { ...armed, response: withCalls(calls) });
    return (await answer.json()) as any;
  };

  it('A5: that come without an offer before them run once, whatever the mark is', async () => {
    const before = fixture.calls.length;
    const mark = {
      turn: 'made-up-turn',
      client_tools: 0,
      place: { chain: '', asked: '' },
      wants_usage: false,
    };
    const tools = [{ type: 'function', function: { name: 'notes__echo' } }];
    const request = { ...chatRequest({ tools }), turn: mark };
    const call = { name: 'notes__echo', arguments: '{"text": "once"}' };
    const answers = [await afterwards([call], request), await afterwards([call], request)];
    for (const answer of answers) expect(JSON.stringify(answer)).toContain('said once');
    expect(fixture.calls.length - before).toBe(1);
  });

  it('B1: whose arguments nobody can read are answered with the reason, and the turn goes on', async () => {
    const texts = [
      '',
      '{}',
      'null',
      '[]',
      '{"text": "a"',
      '{"text": "a"}{"text": "a"}',
      '{"text": "a"} and so on',
    ];
    const before = fixture.calls.length;
    const calls = texts.map((text, index) => ({ id: `c${index}`, name: 'notes__echo', arguments: text }));
    const answer = await afterwards(calls);
    const told: string[] = answer.response.choices[0].message.content.split('|');
    expect(told).toHaveLength(texts.length);
    expect(told.slice(0, 2)).toEqual(['said undefined', 'said undefined']);
    for (const each of told.slice(3, 5)) expect(each).toMatch(/was not run.*(JSON|object)/);
    expect(fixture.calls.length - before).toBe(told.filter((each) => each.startsWith('said')).length);
  });

  it('B2: of tools that are unknown, nearly right or switched off are answered, and nothing runs', async () => {
    const before = fixture.calls.length;
    const names = ['nothing', 'notes__ecko', 'echo', 'notes__delete_all', '__proto__', ''];
    const answer = await afterwards(names.map((name, index) => ({ id: `c${index}`, name, arguments: '{}' })));
    const [call] = answer.response?.choices[0].message.tool_calls ?? [];
    expect(call).toBeUndefined();
    const told: string[] = answer.response.choices[0].message.content.split('|');
    expect(told).toHaveLength(names.length);
    for (const each of told) expect(each).toMatch(/[Uu]nknown tool|not available/);
    expect(fixture.calls).toHaveLength(before);
  });

  it('B3: fifty at once, with ids twice and missing, run a few at a time and have one result each, in order', async () => {
    most = 0;
    const four = gate();
    hold = async () => {
      if (running === 4) {
        // Whatever else was sent along would have come by then.
        for (let i = 0; i < 5; i++) await lives();
        four.open();
      }
      await four.opened;
    };
    const before = fixture.calls.length;
    const calls = Array.from({ length: 50 }, (_, index) => ({
      id: index % 5 === 0 ? null : index % 2 === 0 ? 'twice' : `call_${index}`,
      name: 'notes__echo',
      arguments: JSON.stringify({ text: index }),
    }));
    let rounds = 0;
    lone.model.answerWith((request) =>
      (rounds += 1) === 1
        ? { toolCalls: [{ id: 'twice', name: 'notes__echo', arguments: { text: 'again' } }] }
        : { text: lastResults(request).join('|') },
    );
    const answer = await afterwards(calls);
    expect(answer.response.choices[0].message.content).toBe('said again');
    const messages = messagesOf(lone.model.requests[0]);
    const asked = (messages.find(({ role }) => role === 'assistant') as any).tool_calls.map(
      (each: any) => each.id,
    );
    const results = messages.filter(({ role }) => role === 'tool') as any[];
    expect(results.map((each) => each.content)).toEqual(calls.map((_, index) => `said ${index}`));
    expect(results.map((each) => each.tool_call_id)).toEqual(asked);
    expect(new Set(asked).size).toBe(50);
    expect(fixture.calls.length - before).toBe(51);
    expect(most).toBe(4);
  });

  it('B8: of a tool that is not on the list are not run, although it calls itself read-only', async () => {
    const request = await lone.armed(chatRequest());
    expect(toolNames({ body: request.body } as never)).toEqual(['notes__echo', 'notes__read_file']);
    const before = fixture.calls.length;
    const answer = await afterwards([{ name: 'notes__delete_all', arguments: '{}' }], request);
    expect(answer.response.choices[0].message.content).toMatch(/[Uu]nknown tool|not available/);
    expect(fixture.calls).toHaveLength(before);
  });
});
