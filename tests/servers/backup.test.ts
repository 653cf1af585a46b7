/** Backup, wipe, restore: a conversation goes on with its memory, in Redis and in PostgreSQL. */
import { Redis } from 'ioredis';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';
import { asDetached, script } from '../support/operate';
import { startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind } from '../support/tools';
import { startPostgres, type Postgres } from './postgres';

jest.setTimeout(600_000);
const fact = "Ada's NAS is called Kraken.";
const dir = mkdtempSync(join(tmpdir(), 'toolturn-backup-'));
let postgres: Postgres;
let memory: OwnServer;
let stack: Stack;
let detached: ReturnType<typeof asDetached>;

beforeAll(async () => {
  // PostgreSQL runs as another user.
  chmodSync(dir, 0o755);
  postgres = await startPostgres(join(dir, 'cluster'), {
    litellm_db: `create table "LiteLLM_VerificationToken" (token text primary key, key_alias text);
      insert into "LiteLLM_VerificationToken" values ('digest-1', 'ada'), ('digest-2', 'grace')`,
    memories: 'create table others (id int); insert into others values (1)',
  });
  memory = await startOwnServer('memory-postgres', {
    POSTGRES_URL: postgres.ownerDsn('memories'),
    MCP_ALLOW_WRITE: 'true',
  });
  stack = await startStack({ servers: { memory: { alias: 'mem', url: memory.url, transport: 'http' } } });
  detached = asDetached(stack, {
    REDIS_URL: stack.redis.url,
    DATABASE_URL: postgres.ownerDsn('litellm_db'),
    POSTGRES_URL: postgres.ownerDsn('memories'),
  });
}, 300_000);

afterAll(async () => {
  await detached?.end();
  await stack?.stop();
  await memory?.stop();
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

type Message = Record<string, any>;
const ask = async (messages: Message[]): Promise<string> => {
  const body = { model: 'demo', messages };
  const answer = await stack.client().chat.completions.create(body as never);
  return answer.choices[0]?.message.content ?? '';
};

it('a conversation goes on with its memory after backup, wipe and restore', async () => {
  stack.model.reset();
  stack.model.answerWith((request) => {
    if (roundsBehind(request) > 0) return { text: `Done: ${lastResults(request).join()}` };
    const asked = String(messagesOf(request).at(-1)?.['content']);
    if (asked.startsWith('Remember'))
      return {
        text: 'I keep it.',
        toolCalls: [
          { id: 'call_keep', name: 'mem__memory_create', arguments: { content: fact, tags: ['nas'] } },
        ],
      };
    if (asked.startsWith('What'))
      return { toolCalls: [{ id: 'call_find', name: 'mem__memory_search', arguments: { query: 'kraken' } }] };
    return { text: 'Nothing to do.' };
  });
  const history: Message[] = [{ role: 'user', content: 'Remember the NAS.' }];
  history.push({ role: 'assistant', content: await ask(history) });
  const kept = messagesOf(stack.model.requests.at(-1));
  expect(kept.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);

  const options = ['--run', detached.runFile];
  const backup = await script('backup', [
    ...options,
    '--to',
    join(dir, 'backups'),
    '--verify',
    '--with-secrets',
    '--keep',
    '3',
  ]);
  expect(backup).toMatchObject({ code: 0, errors: '' });
  for (const line of ['verified litellm', 'verified memory', 'verified redis', 'SECRETS'])
    expect(backup.output).toContain(line);
  const folder = /^ok: (.+)$/m.exec(backup.output)?.[1] ?? '';
  expect(statSync(folder).mode & 0o077).toBe(0);
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  expect(manifest.databases).toMatchObject([
    { name: 'litellm', tables: { 'public.LiteLLM_VerificationToken': 2 } },
    // What else stands in that database is none of ours.
    { name: 'memory', tables: { 'mcp_memory.memories': 1 } },
  ]);
  expect(JSON.stringify(manifest)).not.toContain('owner:');
  // The databases that a dump was tried in are gone.
  expect(
    await postgres.sql('postgres', `select datname from pg_database where datname like 'toolturn%'`),
  ).toBe('');

  const redis = new Redis(stack.redis.url);
  await redis.flushall();
  await redis.mset('somebody:else', 'kept', 'tt:{stray}:call:1', 'of a turn since');
  for (const database of ['litellm_db', 'memories'])
    await postgres.sql('postgres', `drop database ${database} with (force)`);
  rmSync(join(stack.dir, 'config.yaml'));

  // Without its ledger the model sees what the client sends and nothing else.
  history.push({ role: 'user', content: 'Anything to do?' });
  await ask(history);
  expect(messagesOf(stack.model.requests.at(-1)).map(({ role }) => role)).toEqual([
    'user',
    'assistant',
    'user',
  ]);

  const refused = await script('restore', [folder, ...options]);
  expect(refused.code).toBe(1);
  expect(refused.errors).toContain('Redis holds 1 key of Toolturn already: with --force');
  expect(existsSync(join(stack.dir, 'config.yaml'))).toBe(false);
  expect(await postgres.sql('postgres', `select 1 from pg_database where datname = 'memories'`)).toBe('');

  const restore = await script('restore', [folder, ...options, '--force']);
  expect(restore).toMatchObject({ code: 0, errors: '' });
  expect(restore.output).toContain('restarted litellm');
  expect(await redis.mget('somebody:else', 'tt:{stray}:call:1')).toEqual(['kept', null]);
  await redis.quit();
  expect(
    await postgres.sql('litellm_db', 'select key_alias from "LiteLLM_VerificationToken" order by 1'),
  ).toBe('ada\ngrace');

  history.pop();
  history.push({ role: 'user', content: 'What is the NAS called?' });
  const answer = await ask(history);
  const seen = messagesOf(stack.model.requests.at(-1));
  // The hidden round of the first turn stands where it stood, byte for byte.
  expect(JSON.stringify(seen.slice(0, kept.length))).toBe(JSON.stringify(kept));
  expect(answer).toContain('Kraken');
});

it('keeps as many backups as it is told, and no half ones', async () => {
  const folder = join(dir, 'kept');
  for (let i = 0; i < 3; i += 1) {
    const made = await script('backup', ['--run', detached.runFile, '--to', folder, '--keep', '2']);
    expect(made.code).toBe(0);
    // Its name has seconds.
    const second = Math.floor(Date.now() / 1000);
    while (Math.floor(Date.now() / 1000) === second) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(readdirSync(folder)).toHaveLength(2);
  const broken = await script('backup', [
    '--run',
    detached.runFile,
    '--to',
    folder,
    '--database',
    'gone=NOWHERE_URL',
  ]);
  expect(broken).toMatchObject({ code: 1, errors: expect.stringContaining('NOWHERE_URL') });
  expect(readdirSync(folder)).toHaveLength(2);
});
