/** What real servers do that differs between them; each time the model is told, and the turn goes on. */
import { waitUntil } from '../../scripts/src/processes';
import { toolNames } from '../support/tools';
import { testWith } from './available';
import { startServers, type Running } from './running';
import { takeTurn, type Turn } from './turn';

const names = ['filesystem', 'everything', 'fetch', 'github', 'db_main', 'dbhub'];
let run: Running;

beforeAll(async () => {
  run = await startServers({
    names,
    more: (place) => ({
      // As it comes, without the switch for private addresses.
      web_public: {
        transport: 'stdio',
        command: place.python('fetch', 'mcp-server-fetch'),
        args: [],
        env: { PATH: '/nowhere' },
      },
    }),
    toolturn: { catalog: { search_above_tokens: 1_000_000 } },
  });
}, 240_000);

afterAll(async () => {
  await run?.stop();
}, 60_000);

/** Calls one tool in a turn; gives what the model read, how the call failed, and the turn. */
async function call(
  name: string,
  args: object,
): Promise<{ text: string; failure: string | undefined; turn: Turn }> {
  const turn = await takeTurn(run.stack, { rounds: [[{ name, arguments: args }]] });
  expect(turn.finish).toBe('stop');
  const finished = run.hookLog().filter(({ message }) => message === 'turn finished');
  const failures = (finished.at(-1)?.['failures'] ?? []) as string[];
  return { text: turn.results[0]?.[0] ?? '', failure: failures[0], turn };
}

testWith(
  ['filesystem', 'dbhub'],
  'a tool that a server does not have is unknown, and no server is asked',
  async () => {
    for (const name of ['fs__format_disk', 'dbhub__drop_everything']) {
      const { text, failure } = await call(name, {});
      expect(failure).toBe('unknown_tool');
      expect(text).toContain(name);
    }
  },
);

testWith(
  ['everything', 'filesystem'],
  'an argument of the wrong type, or none at all: the model reads which one',
  async () => {
    const wrong = await call('everything__get-sum', { a: 'three', b: 4 });
    expect(wrong.failure).toMatch(/^(tool_error|invalid_arguments)$/);
    expect(wrong.text).toMatch(/number/);
    expect(wrong.text).toMatch(/\ba\b/);
    const none = await call('fs__read_text_file', {});
    expect(none.failure).toMatch(/^(tool_error|invalid_arguments)$/);
    expect(none.text).toMatch(/path/);
  },
);

testWith(['filesystem'], 'a file that is not there is told with its name', async () => {
  const { text, failure } = await call('fs__read_text_file', { path: `${run.place.files}/gone.txt` });
  expect(failure).toBe('tool_error');
  expect(text).toMatch(/ENOENT.*gone\.txt/);
});

testWith(
  ['filesystem'],
  'a path that leads out of the allowed folder is refused, climbing or absolute',
  async () => {
    for (const path of ['/etc/hostname', `${run.place.files}/../../../etc/hostname`]) {
      const { text, failure } = await call('fs__read_text_file', { path });
      expect(failure).toBe('tool_error');
      expect(text).toMatch(/Access denied/);
    }
  },
);

testWith(['dbhub'], 'SQL that is wrong is told by DBHub as an error', async () => {
  const { text, failure } = await call('dbhub__execute_sql', { sql: 'selec 1' });
  expect(failure).toBe('tool_error');
  expect(text).toContain('syntax error');
});

testWith(
  ['db_main'],
  'SQL that is wrong is told by postgres-mcp as a text, which counts as an error by its error_text',
  async () => {
    const { text, failure } = await call('db__execute_sql', { sql: 'select title from no_such_table' });
    expect(text).toMatch(/^Error: .*no_such_table/);
    expect(failure).toBe('tool_error');
  },
);

testWith(
  ['github'],
  'no network: the protocol error of the server is told, and not tried again',
  async () => {
    const { text, failure } = await call('gh__search_users', { q: 'nobody' });
    expect(failure).toBe('protocol_error');
    expect(text).toContain('fetch failed');
  },
);

testWith(['fetch'], 'no such host: told as an error of the tool', async () => {
  const { text, failure } = await call('web__fetch', { url: 'http://no-such-host.invalid/' });
  expect(failure).toBe('tool_error');
  expect(text).toContain('no-such-host.invalid');
});

testWith(['fetch'], 'a private address is refused by fetch unless it was allowed', async () => {
  const { text, failure } = await call('web_public__fetch', { url: run.page.url });
  expect(failure).toBe('tool_error');
  expect(text).not.toContain(run.words.page);
});

testWith(
  ['dbhub'],
  'a query slower than the timeout: told that it may still run, and sent once',
  async () => {
    const { text, failure } = await call('dbhub__execute_sql', { sql: 'select pg_sleep(8) as slow_one' });
    expect(failure).toBe('timeout');
    expect(text).toBe('The tool execute_sql gave no answer within 5 s. It may still be running.');
    expect(run.postgres?.statements('slow_one')).toBe(1);
    // The server is of use again afterwards, and still nothing was repeated.
    const usable = async (): Promise<boolean> =>
      (await call('dbhub__execute_sql', { sql: 'select label from pallet' })).text.includes(
        run.words.warehouse,
      );
    await waitUntil(usable, { timeoutMs: 30_000, what: 'DBHub' });
    expect(run.postgres?.statements('slow_one')).toBe(1);
  },
  60_000,
);

testWith(
  ['everything'],
  'a tool that can only be run as a task is left out, and unknown when it is called',
  async () => {
    const { failure, turn } = await call('everything__simulate-research-query', { topic: 'tides' });
    expect(failure).toBe('unknown_tool');
    expect(toolNames(turn.requests[0])).toContain('everything__echo');
    expect(toolNames(turn.requests[0])).not.toContain('everything__simulate-research-query');
    expect(run.hookLog()).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        tool: 'simulate-research-query',
        reason: expect.stringContaining('task'),
      }),
    );
  },
);

testWith(
  ['everything'],
  'every kind of content comes through: links, resources, structured, image with text',
  async () => {
    const read = async (tool: string, args: object): Promise<string> =>
      (await call(`everything__${tool}`, args)).text;
    expect(await read('get-resource-links', { count: 2 })).toMatch(/\[resource .*\]/);
    expect(await read('get-resource-reference', { resourceType: 'Text', resourceId: 1 })).toMatch(
      /resource/i,
    );
    expect(await read('get-structured-content', { location: 'Chicago' })).toMatch(/temperature/);
    expect(await read('get-tiny-image', {})).toMatch(/\[image image\/png, \d+ bytes/);
  },
);
