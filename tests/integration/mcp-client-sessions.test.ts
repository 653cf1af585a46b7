import { waitUntil } from '../../scripts/src/processes';
import type { ToolCallRequest, ToolResult } from '../../hook-service/src/core/ports';
import { createToolHost, type McpToolHost, type ToolHostOptions } from '../../hook-service/src/mcp/tool-host';
import { gate } from '../support/mcp/fixture-tools';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { memoryLog, remoteServer } from '../support/mcp/servers';

let fixture: HttpFixture;
let host: McpToolHost;
const log = memoryLog();
/** The credential of every request, by session. */
let credentials: Map<string, Set<string>>;

async function startHost(options: Partial<ToolHostOptions> = {}): Promise<void> {
  credentials = new Map();
  log.entries.length = 0;
  fixture = await startHttpFixture({
    tools: [{ name: 'query' }],
    intercept: (request) => {
      const id = String(request.headers['mcp-session-id']);
      const value = String(request.headers.authorization);
      credentials.set(id, (credentials.get(id) ?? new Set()).add(value));
      return false;
    },
  });
  host = createToolHost({ servers: [remoteServer('db', fixture.url)], log, ...options });
  host.start();
  await host.ready(10_000);
}

afterEach(async () => {
  await host.close();
  await fixture.stop();
});

function call(authorization?: string, more: Partial<ToolCallRequest> = {}): Promise<ToolResult> {
  return host.call({
    server: 'db',
    tool: 'query',
    arguments: {},
    signal: new AbortController().signal,
    timeoutMs: 10_000,
    ...(authorization === undefined ? {} : { headers: { authorization } }),
    ...more,
  });
}

/** The shared session, and those of clients that are open. */
const sessions = (): number => fixture.sessionCount();

describe('sessions under headers of clients', () => {
  it('are made once for each set of headers, however many calls come at once', async () => {
    await startHost();
    const results = await Promise.all(Array.from({ length: 40 }, (_, index) => call(`Bearer ${index % 4}`)));
    expect(results.every((result) => result.failure === undefined)).toBe(true);
    expect(sessions()).toBe(5);
    expect([...credentials].filter(([id]) => id !== 'undefined').map(([, values]) => values.size)).toEqual([
      1, 1, 1, 1, 1,
    ]);
    // The log knows them by a digest that says nothing about them.
    expect(JSON.stringify(log.entries)).not.toContain('Bearer');
  });

  it('are bounded: the one that was not used for longest goes', async () => {
    await startHost({ clientSessions: 2 });
    for (const client of ['a', 'b', 'a', 'c']) await call(client);
    await waitUntil(async () => sessions() === 3, { timeoutMs: 5_000, what: 'the session of b is closed' });
    const before = fixture.counts['initialize'];
    await call('a');
    expect(fixture.counts['initialize']).toBe(before);
    await call('b');
    expect(fixture.counts['initialize']).toBe((before ?? 0) + 1);
  });

  it('are not closed under a call; one more client is told to come later', async () => {
    await startHost({ clientSessions: 1 });
    const opened = gate();
    const begun = gate();
    fixture.options.tools = [
      {
        name: 'query',
        handler: async () => {
          begun.open();
          await opened.promise;
          return 'done';
        },
      },
    ];
    const first = call('a');
    await begun.promise;
    const second = await call('b');
    expect(second).toMatchObject({ failure: 'transport' });
    expect(JSON.stringify(second.content)).toContain('too many clients');
    opened.open();
    expect((await first).failure).toBeUndefined();
    expect((await call('b')).failure).toBeUndefined();
  });

  it('are closed when nobody has used them for a while', async () => {
    await startHost({ clientIdleMs: 50 });
    await call('a');
    await waitUntil(async () => sessions() === 1, { timeoutMs: 5_000, what: 'the session of a is closed' });
    expect((await call('a')).failure).toBeUndefined();
  });

  it('do not go on trying with a credential that is refused', async () => {
    await startHost();
    fixture.options.intercept = (request, response) => {
      if (request.headers.authorization !== 'wrong') return false;
      response.writeHead(401).end();
      return true;
    };
    expect((await call('wrong')).failure).toBe('transport');
    expect(sessions()).toBe(1);
    expect((await call()).failure).toBeUndefined();
    expect(host.health()['db']?.state).toBe('ready');
  });

  it('all end with the host', async () => {
    await startHost();
    await Promise.all(['a', 'b', 'c'].map((client) => call(client)));
    expect(sessions()).toBe(4);
    await host.close();
    expect(sessions()).toBe(0);
  });
});

describe('the catalog of a client with headers', () => {
  it('is the shared one, the same object, where its session lists the same', async () => {
    await startHost();
    await host.prepare?.({ db: { authorization: 'a' } });
    expect(host.catalog({ db: { authorization: 'a' } })).toBe(host.catalog());
    expect(host.catalog({ db: { authorization: 'nobody-prepared' } })).toBe(host.catalog());
  });

  it('is its own where its session lists something else, and stays one object until that changes', async () => {
    await startHost();
    fixture.options.tools = [{ name: 'query' }, { name: 'mine' }];
    const headers = { db: { authorization: 'a' } };
    await host.prepare?.(headers);
    const own = host.catalog(headers);
    expect(own.tools.map((tool) => tool.tool)).toEqual(['mine', 'query']);
    expect(host.catalog(headers)).toBe(own);
    expect(host.catalog().tools.map((tool) => tool.tool)).toEqual(['query']);
  });

  it('does not keep a request waiting for a server that does not answer', async () => {
    await startHost({ clientListMs: 50 });
    fixture.options.intercept = () => true;
    await host.prepare?.({ db: { authorization: 'a' } });
    expect(host.catalog({ db: { authorization: 'a' } })).toBe(host.catalog());
  });
});
