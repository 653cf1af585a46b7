import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import { processTable } from '../../scripts/src/process-table';
import { waitUntil } from '../../scripts/src/processes';
import type { ModelRequest } from '../../scripts/src/scripted-model';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startSseFixture, type SseFixture } from '../support/mcp/sse-fixture';
import { configOf, configPath, configUntil, loaded, logged, readiness } from '../support/reload';
import { all, postSse } from '../support/sse';
import { startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

const changes = 200;
const workers = 4;
const seed = 20_261_121;

/** Good numbers without a pattern, the same in every run (mulberry32). */
function numbers(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = numbers(seed);
const below = (bound: number): number => Math.floor(random() * bound);

type Config = Record<string, any>;

let notes: HttpFixture;
let feed: SseFixture;
let extra: HttpFixture;
let stack: Stack;
let starts: string;
let helperStarts: string;
let original: Config;

const stdio = join(__dirname, '..', 'support', 'mcp', 'stdio-server.mjs');

/** A tool that takes a while, as tools do. */
const slow = (answer: string) => async (): Promise<string> => {
  await pause(20 + below(200));
  return answer;
};

const extraEntry = (): object => ({
  url: extra.url,
  transport: 'http',
  headers: { 'x-try': String(below(1e9)) },
});
const helperEntry = (): object => ({
  command: process.execPath,
  args: [stdio, 'normal', helperStarts],
  transport: 'stdio',
  env: { TRY: String(below(1e9)) },
});

/** What an operator changes, one at a time. */
const edits: readonly ((config: Config) => void)[] = [
  (config) => (config.toolturn.limits.calls = 20 + below(30)),
  (config) => (config.toolturn.limits.parallel = 2 + below(8)),
  (config) => (config.toolturn.surface = ['hidden', 'progress', 'native'][below(3)]),
  (config) => (config.toolturn.log_level = ['info', 'debug'][below(2)]),
  (config) => (config.toolturn.catalog = { search_above_tokens: 5_000 + below(1_000) }),
  (config) => (config.toolturn.memory = below(2) === 0 ? { ttl: '1h' } : { ttl: '2h' }),
  (config) =>
    (config.toolturn.access = { default: 'all', rules: [{ keys: ['*'], tools: { deny: ['feed__*'] } }] }),
  (config) => delete config.toolturn.access,
  (config) => (config.mcp_servers.notes.description = `Notes, described ${below(1e9)} times`),
  (config) => (config.mcp_servers.extra = extraEntry()),
  (config) => delete config.mcp_servers.extra,
  (config) => (config.mcp_servers.helper = helperEntry()),
  (config) => delete config.mcp_servers.helper,
];

/** What goes wrong while a file is edited: the text, and whether anybody is to be told. */
const mistakes: readonly ((text: string) => { readonly text: string; readonly told: boolean })[] = [
  (text) => ({ text: `${text}\n  : [}{`, told: true }),
  (text) => ({ text: text.replace('limits:', 'limts:'), told: true }),
  (text) => ({ text: text.replace('turn_seconds: 10', 'turn_seconds: -1'), told: true }),
  (text) => ({ text: text.replace(/parallel: \d+/, 'parallel: many'), told: true }),
  (text) => ({ text: text.replace('transport: sse', 'transport: pigeon'), told: true }),
  (text) => ({ text: `${text}\n  servers: {nobody: {enabled: false}}\n`, told: true }),
  // In the middle of a write: the rest comes before anybody could be sure that it is all.
  (text) => ({ text: text.slice(0, below(text.length)), told: false }),
  () => ({ text: '', told: false }),
];

beforeAll(async () => {
  notes = await startHttpFixture({ tools: [{ name: 'read', handler: slow('a note') }] });
  feed = await startSseFixture({ tools: [{ name: 'look', handler: slow('the news') }] });
  extra = await startHttpFixture({ tools: [{ name: 'more', handler: slow('more of it') }] });
  stack = await startStack({
    servers: {
      notes: { url: notes.url, transport: 'http' },
      feed: { url: feed.url, transport: 'sse' },
    },
    toolturn: {
      limits: { turn_seconds: 10, answer_seconds: 2, calls: 50, parallel: 8, result_bytes: 50_000 },
      log_level: 'info',
    },
  });
  starts = join(stack.dir, 'starts.txt');
  helperStarts = join(stack.dir, 'helper-starts.txt');
  // Only hook-service is to start it: LiteLLM has read its config by now.
  original = configOf(stack);
  original['mcp_servers'].files = {
    command: process.execPath,
    args: [stdio, 'normal', starts],
    transport: 'stdio',
  };
  writeFileSync(configPath(stack), stringify(original));
  await loaded(stack);
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await Promise.all([notes?.stop(), feed?.stop(), extra?.stop()]);
});

/** What each tool answers; every call of a turn must come to that, whatever happens to its server meanwhile. */
const answers: Readonly<Record<string, string>> = {
  notes__read: 'a note',
  feed__look: 'the news',
  files__greet: 'hello',
  extra__more: 'more of it',
  helper__greet: 'hello',
};

/** Two rounds of calls to all that is offered, then the answer. */
function play(request: ModelRequest): { text?: string; toolCalls?: { name: string; arguments: object }[] } {
  const offered = toolNames(request).filter((name) => answers[name] !== undefined);
  const round = roundsBehind(request);
  if (offered.length === 0) return { text: 'nothing was offered' };
  if (round < 2) return { toolCalls: offered.map((name) => ({ name, arguments: { round } })) };
  const wanted = offered.map((name) => answers[name]);
  const got = lastResults(request);
  return {
    text: JSON.stringify(got) === JSON.stringify(wanted) ? 'all well' : `wrong: ${JSON.stringify(got)}`,
  };
}

const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'Do it.' }] };

async function turn(worker: number, isStream: boolean): Promise<string> {
  if (!isStream) {
    const answer = await stack.client(`worker${worker}`).chat.completions.create(question);
    return answer.choices[0]?.message.content ?? '';
  }
  const { events } = await postSse(`${stack.url}/v1/chat/completions`, `sk-test-worker${worker}`, {
    ...question,
    stream: true,
  });
  const chunks = (await all(events))
    .filter(({ data }) => data !== '[DONE]')
    .map(({ data }) => JSON.parse(data));
  const errors = chunks.flatMap((chunk) => chunk.error ?? []);
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? '').join('');
}

const childrenOf = (pid: number): number => processTable().filter((entry) => entry.ppid === pid).length;
const open = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
const begun = (): number => (existsSync(helperStarts) ? linesOf(helperStarts).length : 0);

test(`no turn fails because of ${changes} changes of the config, good and bad, and what did not change stays (seed ${seed})`, async () => {
  stack.model.answerWith(play);
  const { pid } = stack.hook;
  const opened = open(pid);
  const process = linesOf(starts);
  const counts = { turns: 0, told: 0, good: 0 };
  const failures: string[] = [];
  let done = false;
  const work = Array.from({ length: workers }, async (_, worker) => {
    for (let count = 0; !done; count += 1) {
      const said = await turn(worker, (count + worker) % 2 === 0).catch((error: unknown) => String(error));
      if (said !== 'all well') failures.push(said);
      counts.turns += 1;
    }
  });

  const config = structuredClone(original);
  try {
    for (let count = 0; count < changes / 2; count += 1) {
      const { helper } = config['mcp_servers'];
      const before = begun();
      edits[below(edits.length)]?.(config);
      // No two good ones are equal, so that each is seen to be taken up.
      config['toolturn'].limits.result_bytes = 50_000 + count;
      const text = stringify(config);
      writeFileSync(configPath(stack), text);
      await loaded(stack);
      counts.good += 1;
      // The first helpers get the time to begin, however slow the machine; later ones may be replaced before.
      const isNew = 'helper' in config['mcp_servers'] && config['mcp_servers'].helper !== helper;
      if (isNew && before < 4)
        await waitUntil(async () => begun() > before, { timeoutMs: 30_000, what: 'A new helper' });
      const mistake = mistakes[below(mistakes.length)]?.(text);
      writeFileSync(configPath(stack), mistake?.text ?? '');
      if (mistake?.told !== true) continue;
      const said = await configUntil(stack, ({ state }) => state === 'degraded', 'is told to be wrong');
      expect(said.reason).toMatch(/config\.yaml:\d+:\d+/);
      counts.told += 1;
    }
    writeFileSync(configPath(stack), stringify(config));
  } finally {
    done = true;
    await Promise.all(work);
  }
  expect(failures).toEqual([]);
  expect(counts.turns).toBeGreaterThan(20);
  expect(counts.told).toBeGreaterThan(changes / 8);

  // The last good one holds, and it is what a new process would run with.
  const { version } = await loaded(stack);
  const { parts } = await readiness(stack);
  const servers = Object.keys(parts).filter((name) => name.startsWith('mcp:'));
  expect(servers.sort()).toEqual(
    Object.keys(config['mcp_servers'])
      .map((name) => `mcp:${name}`)
      .sort(),
  );
  expect(await turn(0, false)).toBe('all well');

  // What never changed has been there all the time: one session, one process.
  const records = logged(stack);
  const connected = (server: string): number =>
    records.filter(({ message }) => message === `MCP server ${server} is connected`).length;
  expect(['notes', 'feed', 'files'].map(connected)).toEqual([1, 1, 1]);
  expect(linesOf(starts)).toEqual(process);

  // When no turn can be on an older config any more, nothing is left of them.
  const helpers = 'helper' in config['mcp_servers'] ? 1 : 0;
  const extras = 'extra' in config['mcp_servers'] ? 1 : 0;
  await configUntil(stack, ({ older }) => older === undefined, 'is alone');
  const settled = async (): Promise<boolean> =>
    childrenOf(pid) === 1 + helpers && extra.sessionCount() === extras;
  await waitUntil(settled, { timeoutMs: 30_000, what: 'The end of what was replaced' });
  expect(linesOf(helperStarts).length).toBeGreaterThan(3);
  expect(open(pid)).toBeLessThan(opened + 40);

  expect(
    records.filter(({ message }) => message === 'the configuration was reloaded').length,
  ).toBeGreaterThanOrEqual(counts.good);
  expect(records.findLast(({ message }) => message === 'the configuration was reloaded')?.['version']).toBe(
    version,
  );
  expect(records.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual(
    expect.arrayContaining(['the configuration is wrong and was not loaded; the one before holds']),
  );
}, 300_000);
