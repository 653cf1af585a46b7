/**
 * The system's own question, "What databases do we have?", asked as Open WebUI asks it, and answered from a real
 * PostgreSQL; and what keeps that database from being written to.
 */
import { all, postSse } from '../support/sse';
import { lastResults, messagesOf, roundsBehind, toolNames } from '../support/tools';
import { testWith } from './available';
import { startServers, type Running } from './running';
import { takeTurn } from './turn';

const used = ['db_main'];
let run: Running;

beforeAll(async () => {
  run = await startServers({ names: used });
}, 240_000);

afterAll(async () => {
  await run?.stop();
}, 60_000);

const question = 'What databases do we have?';
const listing = 'SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname';

/**
 * What Open WebUI sends to an OpenAI-compatible backend: its metadata stays with it (`metadata` is taken out of the
 * body), who asks goes into headers where ENABLE_FORWARD_USER_INFO_HEADERS is set, usage is asked for where the model
 * has that capability (open_webui/routers/openai.py, open_webui/utils/headers.py).
 */
const openWebUi = {
  headers: {
    'user-agent': 'Python/3.11 aiohttp/3.12.15',
    accept: '*/*',
    'x-openwebui-user-name': 'Ada L%C3%B3pez',
    'x-openwebui-user-id': '5f0c8a52-6f6e-4a3e-9c11-0b3a35f0a0d7',
    'x-openwebui-user-email': 'ada@lan.example',
    'x-openwebui-user-role': 'user',
    'x-openwebui-chat-id': 'c2b1f8f0-93b1-4a55-8f0e-6f4d8b7a3a10',
  },
  body: (messages: readonly object[]) => ({
    stream: true,
    model: 'demo',
    messages,
    temperature: 0.7,
    stream_options: { include_usage: true },
  }),
};

interface Chunk {
  readonly id: string;
  readonly choices: readonly {
    readonly delta: {
      readonly role?: string;
      readonly content?: string | null;
      readonly tool_calls?: unknown;
    };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { readonly total_tokens: number } | null;
}

async function ask(messages: readonly object[]): Promise<{ chunks: Chunk[]; text: string; last: string }> {
  const url = `${run.stack.url}/v1/chat/completions`;
  const { status, events } = await postSse(
    url,
    'sk-test-openwebui',
    openWebUi.body(messages),
    openWebUi.headers,
  );
  expect(status).toBe(200);
  const data = (await all(events)).map((event) => event.data);
  const chunks = data.slice(0, -1).map((text) => JSON.parse(text) as Chunk);
  const text = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? '')).join('');
  return { chunks, text, last: data.at(-1) ?? '' };
}

testWith(
  used,
  `"${question}" is answered from PostgreSQL, in one clean stream for Open WebUI`,
  async () => {
    const { model } = run.stack;
    model.reset();
    model.answerWith((request) => {
      if (roundsBehind(request) === 0) return { toolCalls: [{ name: 'db__list_schemas', arguments: {} }] };
      if (roundsBehind(request) === 1)
        return { toolCalls: [{ name: 'db__execute_sql', arguments: { sql: listing } }] };
      const databases = [...(lastResults(request)[0] ?? '').matchAll(/'datname': '(\w+)'/g)].map(
        ([, name]) => name,
      );
      return { text: `We have ${databases.length} databases: ${databases.join(', ')}.` };
    });
    const system = { role: 'system', content: 'You help the people of this house.' };
    const { chunks, text, last } = await ask([system, { role: 'user', content: question }]);

    expect(text).toBe('We have 3 databases: planka, postgres, warehouse.');
    expect(last).toBe('[DONE]');
    const choices = chunks.flatMap((chunk) => chunk.choices);
    expect(
      choices.map(({ finish_reason }) => finish_reason).filter((reason) => typeof reason === 'string'),
    ).toEqual(['stop']);
    expect(choices.some(({ delta }) => delta.tool_calls !== undefined && delta.tool_calls !== null)).toBe(
      false,
    );
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(JSON.stringify(chunks)).not.toMatch(/execute_sql|list_schemas|datname/);
    const usages = chunks.flatMap(({ usage }) => usage ?? []);
    expect(usages).toHaveLength(1);

    const [first, , third] = model.requests;
    expect(toolNames(first)).toEqual(expect.arrayContaining(['db__execute_sql', 'db__list_schemas']));
    expect(messagesOf(third).map(({ role }) => role)).toEqual([
      'system',
      'user',
      'assistant',
      'tool',
      'assistant',
      'tool',
    ]);
    expect(run.postgres?.statements('pg_database')).toBeGreaterThanOrEqual(1);

    // The conversation goes on: Open WebUI sends back what it showed, and the model sees the hidden rounds again.
    model.reset();
    model.answerWith((request) => ({
      text: messagesOf(request).some(({ content }) => String(content).includes('datname'))
        ? 'I looked at pg_database.'
        : 'I do not know.',
    }));
    const later = await ask([
      system,
      { role: 'user', content: question },
      { role: 'assistant', content: text },
      { role: 'user', content: 'How do you know?' },
    ]);
    expect(later.text).toBe('I looked at pg_database.');
  },
  60_000,
);

testWith(used, 'the title that Open WebUI asks for beside it gets no tools', async () => {
  const { model } = run.stack;
  model.reset();
  model.answerWith(() => ({ text: '{"title": "Databases"}' }));
  const task =
    '### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Guidelines:\n- Be short.\n### Chat History:\n<chat_history>\nUSER: What databases do we have?\n</chat_history>';
  const { text } = await ask([{ role: 'user', content: task }]);
  expect(text).toBe('{"title": "Databases"}');
  expect(toolNames(model.requests[0])).toEqual([]);
});

testWith(
  used,
  'restricted mode refuses every statement that writes, and the model is told',
  async () => {
    const writes = [
      'DROP TABLE card',
      "INSERT INTO card VALUES ('x')",
      'DELETE FROM card',
      'CREATE TABLE other (a int)',
      "UPDATE card SET title = 'x'",
    ];
    const calls = writes.map((sql) => ({ name: 'db__execute_sql', arguments: { sql } }));
    const turn = await takeTurn(run.stack, { rounds: [calls] });
    expect(turn.results[0]).toHaveLength(writes.length);
    for (const text of turn.results[0] ?? []) expect(text).toMatch(/^Error: /);
    expect(await run.postgres?.sql('planka', 'select title from card')).toBe(run.words.planka);
  },
  60_000,
);

testWith(
  used,
  'what restricted mode would let through, the role of the connection refuses',
  async () => {
    for (const sql of ['drop table card', "insert into card values ('x')", 'create table other (a int)']) {
      await expect(run.postgres?.sqlAsReader('planka', sql)).rejects.toThrow(
        /permission denied|must be owner/,
      );
    }
    expect(
      await run.postgres?.sql('planka', "select rolpassword from pg_authid where rolname = 'reader'"),
    ).toMatch(/^SCRAM-SHA-256\$/);
  },
  30_000,
);

testWith(
  used,
  'an error of SQL is read by the model, which then gets it right',
  async () => {
    const sql = (text: string) => [{ name: 'db__execute_sql', arguments: { sql: text } }];
    const turn = await takeTurn(run.stack, {
      rounds: [sql('select titel from card'), sql('select title from card')],
    });
    expect(turn.results[0]?.[0]).toMatch(/^Error: .*titel/);
    expect(turn.answer).toContain(run.words.planka);
  },
  30_000,
);
