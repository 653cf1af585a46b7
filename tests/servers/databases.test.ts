/**
 * The system's own question, "What databases do we have?", asked as Open WebUI asks it, and answered from a real
 * PostgreSQL; and what keeps that database from being written to.
 */
import { lastResults, messagesOf, roundsBehind, toolNames } from '../support/tools';
import { testWith } from './available';
import { askAsOpenWebUi, type Shown } from './open-webui';
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

async function ask(messages: readonly object[]): Promise<Shown> {
  const shown = await askAsOpenWebUi(run.stack, messages);
  expect(shown.status).toBe(200);
  return shown;
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
