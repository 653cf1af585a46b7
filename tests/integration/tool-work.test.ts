import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { gate, type Gate } from '../../scripts/src/gate';
import { waitUntil } from '../../scripts/src/processes';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import * as gemini from '../support/generate-content-model';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import * as claude from '../support/messages-model';
import {
  conversationProblem,
  ResponsesProvider,
  streamProblems,
  textIn,
  type Item,
} from '../support/responses-model';
import { startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind, toolNames } from '../support/tools';

const header = 'x-toolturn-surface';
const shows = (mode: string | undefined) => (mode === undefined ? {} : { headers: { [header]: mode } });
const cells = [
  { stream: false, mode: 'progress' },
  { stream: true, mode: 'progress' },
  { stream: false, mode: 'native' },
  { stream: true, mode: 'native' },
] as const;
/** Where the ledger knows nothing of the conversation: it is kept for another key. */
const stranger = 'dora';

let anthropic: ScriptedModel;
let google: ScriptedModel;
let provider: ResponsesProvider;
let fixture: HttpFixture;
let stack: Stack;
/** Opened when the tool may return. */
let returns: Gate;
/** Whether the last call asked for progress. */
let progressAsked: boolean | undefined;

beforeAll(async () => {
  anthropic = await startScriptedModel({ answer: (request) => claude.say(request, { text: 'no script' }) });
  google = await startScriptedModel({ answer: (request) => gemini.say(request, { text: 'no script' }) });
  fixture = await startHttpFixture({
    tools: [
      {
        name: 'look_up',
        description: 'Looks a word up.',
        handler: async (_args, extra) => {
          progressAsked = extra.progressAsked;
          await extra.progress(1, 2, 'reading page one');
          await returns.opened;
          return 'quince';
        },
      },
      { name: 'broken', handler: () => ({ isError: true, content: [{ type: 'text', text: 'No disk.' }] }) },
    ],
  });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: {
      keep_alive_seconds: 1,
      limits: { rounds: 3 },
      surface: { keys: { bob: 'progress', 'sk-test-carol': 'native' } },
    },
    models: [
      {
        model_name: 'claude',
        litellm_params: {
          model: 'anthropic/claude-sonnet-4-5',
          api_base: anthropic.url.replace(/\/v1$/, ''),
          api_key: 'none',
        },
      },
      gemini.geminiEntry(google.url),
    ],
  });
}, 240_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
  await anthropic?.stop();
  await google?.stop();
});

beforeEach(() => {
  for (const model of [stack.model, anthropic, google]) model.reset();
  provider = new ResponsesProvider();
  returns = gate();
});

/** Lets the tool return once the client has seen this; what is not streamed is seen too late to wait for it. */
function returnsOnceSeen(stream: boolean): (seen: unknown, what: string) => void {
  if (!stream) returns.open();
  return (seen, what) => {
    if (JSON.stringify(seen).includes(what)) returns.open();
  };
}

const started = '[toolturn] notes.look_up: started\n';
const page = '[toolturn] notes.look_up: 1 of 2, reading page one\n';
const finished = /\[toolturn\] notes\.look_up: finished after \d+ ms\n$/;

/** `seen`: the tool did not return before its progress was seen; else the two may arrive in either order. */
function expectNotes(text: string, seen = false): void {
  expect(text.startsWith(seen ? started + page : started)).toBe(true);
  expect(text.replace(page, '').split('\n')).toHaveLength(3);
  expect(text).toMatch(finished);
  expect(text).not.toContain('quince');
  expect(text).not.toContain('"what"');
}

/** What the model read in the turn before stands at the beginning again, byte for byte: prompt caches go by that. */
function expectBegins(list: readonly unknown[], before: readonly unknown[]): void {
  expect(before.length).toBeGreaterThan(1);
  expect(JSON.stringify(list.slice(0, before.length))).toBe(JSON.stringify(before));
}

/** Nothing that we showed reaches the model, in whatever form. */
function expectNothingOfOurs(body: unknown): void {
  const sent = JSON.stringify(body);
  expect(sent).not.toContain('[toolturn]');
  expect(sent).not.toMatch(/(?:rs|mcp|mcpl|mcptoolu)_toolturn_/);
  expect(sent).not.toMatch(/"(?:mcp_call|mcp_list_tools|mcp_tool_use|mcp_tool_result|item_reference)"/);
}

describe.each(cells)('chat completions, $mode, streamed: $stream', ({ stream, mode }) => {
  const question = {
    model: 'demo',
    messages: [{ role: 'user' as const, content: 'What is the word?' }],
  };

  async function ask(body: object, alias = 'alice'): Promise<Item> {
    const seen = returnsOnceSeen(stream);
    const client = stack.client(alias);
    if (!stream) {
      const completion = await client.chat.completions.create({ ...question, ...body }, shows(mode));
      return completion.choices[0]?.message as Item;
    }
    const message: Item = { role: 'assistant', content: '', reasoning_content: '' };
    const helper = client.chat.completions.stream({ ...question, ...body }, shows(mode));
    for await (const chunk of helper) {
      const delta = (chunk.choices[0]?.delta ?? {}) as Item;
      message['content'] += delta['content'] ?? '';
      message['reasoning_content'] += delta['reasoning_content'] ?? '';
      seen(chunk, 'page one');
    }
    const final = await helper.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe(message['content']);
    return message;
  }

  it('shows notes as reasoning, and takes them back', async () => {
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? {
            reasoning: 'Hm.',
            text: 'Let me see.',
            toolCalls: [{ name: 'notes__look_up', arguments: { what: 1 } }],
          }
        : { text: `It is ${lastResults(request)[0]}.` },
    );
    const message = await ask({});
    expect(message['content']).toBe('Let me see.\n\nIt is quince.');
    // The thoughts of hidden rounds are in streams only.
    const notes = String(message['reasoning_content']);
    expectNotes(stream ? notes.replace('Hm.\n', '') : notes, stream);

    const before = messagesOf(stack.model.requests.at(-1));
    stack.model.answerWith(() => ({ text: 'Yes.' }));
    const messages = [...question.messages, message, { role: 'user', content: 'Sure?' }];
    await ask({ messages });
    const restored = messagesOf(stack.model.requests.at(-1));
    expectNothingOfOurs(restored);
    expectBegins(restored, before);
    expect(restored.map((each) => each['role'])).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);

    await ask({ messages }, stranger);
    const unknown = messagesOf(stack.model.requests.at(-1));
    expectNothingOfOurs(unknown);
    expect(unknown.map((each) => each['role'])).toEqual(['user', 'assistant', 'user']);
  });
});

describe.each(cells)('responses, $mode, streamed: $stream', ({ stream, mode }) => {
  const question = { model: 'demo', input: [{ role: 'user', content: 'What is the word?' }] };

  async function ask(body: object, alias = 'alice'): Promise<Item> {
    const seen = returnsOnceSeen(stream);
    const client = stack.client(alias);
    const asked = { ...question, ...body } as never;
    if (!stream) return await client.responses.create(asked, shows(mode));
    const events: Item[] = [];
    const helper = client.responses.stream(asked, shows(mode));
    for await (const event of helper) {
      events.push(event);
      seen(event, mode === 'native' ? 'response.mcp_call.in_progress' : 'page one');
    }
    expect(streamProblems(events)).toEqual([]);
    return await helper.finalResponse();
  }

  const script = (calls: readonly string[] = ['notes__look_up']): void =>
    stack.model.answerWith(
      provider.answer(({ rounds, results }) =>
        rounds === 0
          ? { text: 'Let me see.', calls: calls.map((name) => ({ name, arguments: { what: 1 } })) }
          : { text: `It is ${results.join(' and ')}.` },
      ),
    );

  /** Without the nulls that LiteLLM adds to items. */
  const plain = (items: readonly Item[]): Item[] =>
    items.map((item) =>
      Object.fromEntries(Object.entries(item).filter(([name, value]) => name === 'error' || value !== null)),
    );

  async function shown(): Promise<Item> {
    script();
    const response = await ask({});
    expect(textIn(response.output)).toBe('Let me see.|It is quince.');
    expect(response['output_text']).toBe('Let me see.It is quince.');
    return response;
  }

  it('shows it, and has the conversation go on', async () => {
    const response = await shown();
    const types = response.output.map((item: Item) => item.type);
    if (mode === 'progress') {
      expect(types).toEqual(['message', 'reasoning', 'message']);
      expectNotes(response.output[1].summary[0].text, stream);
    } else {
      expect(types).toEqual(['message', 'mcp_list_tools', 'mcp_call', 'message']);
      expect(response.output[1]).toMatchObject({
        server_label: 'notes',
        tools: [
          { name: 'look_up', description: 'Looks a word up.', input_schema: { type: 'object' } },
          { name: 'broken' },
        ],
      });
      expect(response.output[2]).toMatchObject({
        server_label: 'notes',
        name: 'look_up',
        arguments: '{"what":1}',
        output: 'quince',
        status: 'completed',
      });
      expect(response.output[2].error ?? null).toBeNull();
    }

    const before = stack.model.requests.at(-1)?.body['input'] as Item[];
    script([]);
    const input = [...question.input, ...response.output, { role: 'user', content: 'Sure?' }];
    await ask({ input });
    const restored = stack.model.requests.at(-1)?.body['input'] as Item[];
    expectNothingOfOurs(restored);
    expectBegins(restored, before);
    expect(conversationProblem(restored, {})).toBeUndefined();
    const whole = ['message', 'function_call', 'function_call_output', 'message'];
    expect(restored.slice(1, -1).map((item) => item.type)).toEqual(whole);

    await ask({ input: plain(input) }, stranger);
    const unknown = stack.model.requests.at(-1)?.body['input'] as Item[];
    expectNothingOfOurs(unknown);
    expect(conversationProblem(unknown, {})).toBeUndefined();
    expect(unknown.slice(1, -1).map((item) => item.type)).toEqual(
      mode === 'native' ? whole : ['message', 'message'],
    );
    if (mode === 'native')
      expect(unknown.slice(2, 4)).toMatchObject([
        { name: 'notes__look_up', arguments: '{"what":1}' },
        { output: 'quince' },
      ]);
  });

  it('understands references to it', async () => {
    const response = await shown();
    script([]);
    const references = response.output.map((item: Item) => ({ type: 'item_reference', id: item.id }));
    await ask({ input: [...question.input, ...references, { role: 'user', content: 'Sure?' }] });
    const restored = stack.model.requests.at(-1)?.body['input'] as Item[];
    expectNothingOfOurs(restored);
    expect(restored.map((item) => item.type ?? item.role)).toEqual([
      'user',
      'message',
      'function_call',
      'function_call_output',
      'message',
      'user',
    ]);
  });

  it('puts the client’s own calls last', async () => {
    const weather = { type: 'function', name: 'weather', parameters: {}, strict: false };
    script(['weather', 'notes__broken', 'notes__look_up']);
    const response = await ask({ tools: [weather] });
    const types = response.output.map((item: Item) => item.type);
    expect(types.at(-1)).toBe('function_call');
    expect(response.output.at(-1)).toMatchObject({ name: 'weather' });
    expect(types.slice(0, -1)).not.toContain('function_call');
    if (mode === 'native')
      expect(response.output.find((item: Item) => item.name === 'broken')).toMatchObject({
        status: 'failed',
        error: 'No disk.',
      });

    script([]);
    const answer = { type: 'function_call_output', call_id: response.output.at(-1).call_id, output: 'sunny' };
    for (const alias of ['alice', stranger]) {
      await ask({ input: [...question.input, ...plain(response.output), answer], tools: [weather] }, alias);
      const sent = stack.model.requests.at(-1)?.body['input'] as Item[];
      expectNothingOfOurs(sent);
      expect(conversationProblem(sent, {})).toBeUndefined();
    }
  });
});

describe.each(cells)('messages, $mode, streamed: $stream', ({ stream, mode }) => {
  const question = {
    model: 'claude',
    max_tokens: 1000,
    messages: [{ role: 'user' as const, content: 'What is the word?' }],
  };

  async function ask(body: object, alias = 'alice'): Promise<Item> {
    const seen = returnsOnceSeen(stream);
    const client = new Anthropic({
      baseURL: stack.url,
      authToken: `sk-test-${alias}`,
      apiKey: null,
      maxRetries: 0,
    });
    const asked = { ...question, ...body } as never;
    if (!stream) return await client.beta.messages.create(asked, shows(mode));
    const events: Item[] = [];
    const helper = client.beta.messages.stream(asked, shows(mode));
    for await (const event of helper) {
      events.push(event);
      seen(event, mode === 'native' ? 'mcp_tool_use' : 'page one');
    }
    expect(claude.streamProblems(events as Record<string, unknown>[])).toEqual([]);
    return await helper.finalMessage();
  }

  const script = (calls: readonly string[] = ['notes__look_up']): void =>
    anthropic.answerWith((request) =>
      claude.say(
        request,
        claude.roundsBehind(request) === 0 && calls.length > 0
          ? { text: 'Let me see.', calls: calls.map((name) => ({ name, input: { what: 1 } })) }
          : { text: `It is ${claude.resultsIn(request).join(' and ')}.` },
      ),
    );

  const sent = () => claude.messagesIn(anthropic.requests.at(-1));

  function expectWellFormed(): void {
    expectNothingOfOurs(sent());
    expect(JSON.stringify(sent())).not.toContain('toolturn');
    expect(claude.messageProblems(sent())).toEqual([]);
  }

  it('shows it, and has the conversation go on', async () => {
    script();
    const message = await ask({});
    const types = message.content.map((block: Item) => block.type);
    if (mode === 'progress') {
      expect(types).toEqual(['text', 'thinking', 'text']);
      expectNotes(message.content[1].thinking, stream);
      expect(message.content[1].signature).toMatch(/^toolturn[0-9a-f]{32}$/);
    } else {
      expect(types).toEqual(['text', 'mcp_tool_use', 'mcp_tool_result', 'text']);
      const [, use, result] = message.content;
      expect(use).toMatchObject({ server_name: 'notes', name: 'look_up', input: { what: 1 } });
      expect(result).toMatchObject({
        tool_use_id: use.id,
        is_error: false,
        content: [{ type: 'text', text: 'quince' }],
      });
    }
    expect(message.content.at(-1).text).toContain('It is quince.');

    const before = sent();
    script([]);
    const messages = [
      ...question.messages,
      { role: 'assistant', content: message.content },
      { role: 'user', content: 'Sure?' },
    ];
    await ask({ messages });
    expectWellFormed();
    expectBegins(sent(), before);
    const roles = ['user', 'assistant', 'user', 'assistant', 'user'];
    expect(sent().map((each) => each.role)).toEqual(roles);

    await ask({ messages }, stranger);
    expect(claude.messageProblems(sent())).toEqual([]);
    expectNothingOfOurs(
      sent()
        .map(({ content }) => content)
        .filter((each) => typeof each === 'string'),
    );
    expect(sent().map((each) => each.role)).toEqual(
      mode === 'native' ? roles : ['user', 'assistant', 'user'],
    );
    if (mode === 'native') {
      expect(sent()[1]?.content[1]).toMatchObject({
        type: 'tool_use',
        name: 'notes__look_up',
        input: { what: 1 },
      });
      expect(sent()[2]?.content[0]).toMatchObject({
        type: 'tool_result',
        content: [{ type: 'text', text: 'quince' }],
      });
    }
  });

  it('puts the client’s own calls last', async () => {
    const weather = { name: 'weather', input_schema: { type: 'object' } };
    script(['weather', 'notes__broken', 'notes__look_up']);
    const message = await ask({ tools: [weather] });
    const last = message.content.at(-1);
    expect(last).toMatchObject({ type: 'tool_use', name: 'weather', input: { what: 1 } });
    expect(message.content.filter((block: Item) => block.type === 'tool_use')).toHaveLength(1);
    expect(message['stop_reason']).toBe('tool_use');
    if (mode === 'native')
      expect(message.content.filter((block: Item) => block.is_error === true)).toMatchObject([
        { type: 'mcp_tool_result', content: [{ text: 'No disk.' }] },
      ]);

    script([]);
    const messages = [
      ...question.messages,
      { role: 'assistant', content: message.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: last.id, content: 'sunny' }] },
    ];
    for (const alias of ['alice', stranger]) {
      await ask({ messages, tools: [weather] }, alias);
      expect(claude.messageProblems(sent())).toEqual([]);
      expect(JSON.stringify(sent())).not.toMatch(/mcp_tool|"thinking"/);
    }
  });
});

describe.each(cells)('generateContent, $mode, streamed: $stream', ({ stream, mode }) => {
  it('shows notes as thoughts, and takes them back', async () => {
    const seen = returnsOnceSeen(stream);
    google.answerWith((request) =>
      gemini.say(
        request,
        gemini.roundsBehind(request) === 0
          ? { text: 'Let me see.', calls: [{ name: 'notes__look_up', args: { what: 1 } }] }
          : { text: `It is ${gemini.lastResults(request)[0]}.` },
      ),
    );
    const chatOf = (alias: string, history: object[] = []) =>
      new GoogleGenAI({
        apiKey: `sk-test-${alias}`,
        httpOptions: { baseUrl: stack.url, fetch, ...shows(mode) },
      }).chats.create({ model: 'gemini', history });
    const chat = chatOf('alice');
    const message = 'What is the word?';
    if (stream) {
      for await (const chunk of await chat.sendMessageStream({ message })) seen(chunk, 'page one');
    } else await chat.sendMessage({ message });
    const history = chat.getHistory() as Item[];
    const parts = history.slice(1).flatMap((content): Item[] => content.parts);
    const text = (thought: boolean): string =>
      parts.map((part) => ((part.thought === true) === thought ? (part.text ?? '') : '')).join('');
    expectNotes(text(true), stream);
    expect(text(false)).toBe('Let me see.\n\nIt is quince.');

    const before = gemini.contentsOf(google.requests.at(-1));
    google.answerWith((request) => gemini.say(request, { text: 'Yes.' }));
    const roles = () => gemini.contentsOf(google.requests.at(-1)).map((content) => content['role']);
    await chat.sendMessage({ message: 'Sure?' });
    expectNothingOfOurs(google.requests.at(-1)?.body);
    expectBegins(gemini.contentsOf(google.requests.at(-1)), before);
    expect(roles()).toEqual(['user', 'model', 'user', 'model', 'user']);

    await chatOf(stranger, history).sendMessage({ message: 'Sure?' });
    expectNothingOfOurs(google.requests.at(-1)?.body);
    expect(roles().filter((role) => role === 'user')).toHaveLength(2);
  });
});

describe('what a client sees of tool work', () => {
  const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'What is the word?' }] };

  async function reasoning(alias: string, mode?: string): Promise<unknown> {
    returns.open();
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'notes__look_up', arguments: {} }] }
        : { text: 'Done.' },
    );
    const completion = await stack.client(alias).chat.completions.create(question, shows(mode));
    expect(completion.choices[0]?.message.content).toBe('Done.');
    return (completion.choices[0]?.message as unknown as Item)['reasoning_content'];
  }

  it('is nothing by default, although the server is asked for progress, which its deadline needs', async () => {
    expect(await reasoning('alice')).toBeUndefined();
    expect(await reasoning('alice', 'hidden')).toBeUndefined();
    expect(progressAsked).toBe(true);
  });

  it('is said by the key, raw or by its alias, and the header beats that', async () => {
    expectNotes(String(await reasoning('bob')));
    expectNotes(String(await reasoning('carol')));
    expect(await reasoning('bob', 'hidden')).toBeUndefined();
    expectNotes(String(await reasoning('alice', ' Progress ')));
  });

  it('is refused where the header says something else, before the model is asked', async () => {
    stack.model.answerWith(() => ({ text: 'never' }));
    await expect(stack.client().chat.completions.create(question, shows('loud'))).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('must be one of hidden, progress, native; it is "loud"'),
    });
    expect(stack.model.requests).toHaveLength(0);
  });

  it('leaves no header for the model', async () => {
    await reasoning('alice', 'native');
    expect(stack.model.requests.map((request) => request.headers[header])).toEqual([undefined, undefined]);
    expect(toolNames(stack.model.requests[0])).toContain('notes__look_up');
  });

  it('is said by the config', async () => {
    const path = join(stack.dir, 'config.yaml');
    const before = readFileSync(path, 'utf8');
    const config = parse(before) as { toolturn: object };
    await stack.hook.stop();
    writeFileSync(path, stringify({ ...config, toolturn: { ...config.toolturn, surface: 'progress' } }));
    try {
      stack.hook = await stack.startHook();
      const ready = async () => (await fetch(`${stack.hook.url}/health/ready`)).ok;
      await waitUntil(ready, { timeoutMs: 20_000, what: 'hook-service with its tools' });
      expectNotes(String(await reasoning('alice')));
    } finally {
      await stack.hook.stop();
      writeFileSync(path, before);
      stack.hook = await stack.startHook();
    }
  });
});
