/** What holds for every call, looked at through both that make calls: a turn's, and those without a turn. */
import { memoryLog, remoteServer } from '../../../tests/support/mcp/servers';
import { Validators } from '../schema/validators';
import { memoryCallStore } from '../state/claims';
import { memoryResults } from '../state/results';
import { openPolicy, type AccessPolicy } from './access';
import { CallRunner } from './calls';
import { scopeOf, type Caller } from './caller';
import type { JsonObject } from './json';
import { OfferBook } from './offer';
import type { ArgumentChecker, FailureKind, HostTool, ToolCallRequest, ToolHost, ToolResult } from './ports';
import { createMask } from './result-safety';
import { ToolDoor } from './tool-door';
import { withOverrides } from './tool-overrides';

const validators = new Validators();
const checker: ArgumentChecker = {
  check: async (schema, value) => {
    const key = JSON.stringify(schema);
    if (!validators.has(key)) validators.add(key, schema);
    return validators.check(key, value);
  },
};

const canary = 'canary-secret-0815';
const limits = {
  rounds: 3,
  calls: 9,
  parallel: 2,
  turnMs: 9e4,
  answerMs: 9e4,
  callMs: 7e4,
  callMaxMs: 8e4,
  repeats: 5,
  resultBytes: 1e5,
};
/** As its server lists it; the config calls it `ask`, and says for whom it asks. */
const query: HostTool = {
  server: 'db',
  tool: 'query',
  inputSchema: {
    type: 'object',
    properties: { sql: { type: 'string' }, rows: { type: 'integer' }, tenant: { type: 'string' } },
    required: ['sql', 'tenant'],
  },
  annotations: { readOnlyHint: true },
};
const shown = withOverrides(query, { name: 'ask', arguments: { tenant: 'ours' }, cacheSeconds: 60 })!;
const tables: AccessPolicy = {
  ...openPolicy,
  rules: [
    {
      keys: ['limited'],
      teams: [],
      users: [],
      servers: ['db'],
      deny: [],
      parameters: [{ tools: 'db__ask', argument: 'sql', values: ['a', 'b'] }],
    },
    { keys: ['shut'], teams: [], users: [], servers: [], deny: [], parameters: [] },
  ],
};

interface Told {
  readonly text: string;
  readonly failure?: FailureKind;
  /** The server's own result, where it is passed on. */
  readonly whole?: JsonObject;
}

interface Service {
  readonly requests: ToolCallRequest[];
  readonly log: ReturnType<typeof memoryLog>;
  call(args: JsonObject, caller?: Caller): Promise<Told>;
}

const denials = ({ log }: Service) =>
  log.entries.flatMap(({ message, fields }) => (message === 'a tool call was denied' ? [fields] : []));

const answered = (request: ToolCallRequest): ToolResult => {
  const whole: JsonObject = { content: [{ type: 'text', text: 'rows' }], structuredContent: { rows: 1 } };
  return {
    content: [{ type: 'text', text: 'rows' }],
    structured: { rows: 1 },
    ...(request.wantsWhole ? { whole } : {}),
  };
};

function parts(answer: (request: ToolCallRequest) => ToolResult) {
  const requests: ToolCallRequest[] = [];
  const catalog = { version: 1, tools: [shown] };
  const host: ToolHost = {
    catalog: () => catalog,
    call: async (request) => {
      requests.push(request);
      return answer(request);
    },
  };
  const servers = [remoteServer('db', 'http://h/mcp')];
  const log = memoryLog();
  const mask = createMask([canary]);
  const calling = { host, limits, checker, cache: memoryResults(), mask, log };
  return { requests, log, servers, calling, book: new OfferBook(host, servers, { access: tables }) };
}

function turns(answer = answered): Service {
  const { requests, log, calling, book } = parts(answer);
  const runner = new CallRunner({ ...calling, store: memoryCallStore(), outcomeTtlSeconds: 60 });
  let count = 0;
  return {
    requests,
    log,
    async call(args, caller = {}) {
      const context = {
        turn: `turn-${(count += 1)}`,
        scope: 'one key',
        caller,
        access: book.accessOf(caller),
        resolve: (name: string) => book.resolve(caller, name),
        signal: new AbortController().signal,
        gate: { execute: <T>(run: () => Promise<T>) => run() },
      };
      return runner.run(context, 1, { id: 'c', name: 'db__ask', arguments: JSON.stringify(args) });
    },
  };
}

const doorAt =
  (server?: string) =>
  (answer = answered): Service => {
    const { requests, log, calling, book, servers } = parts(answer);
    const door = new ToolDoor({ ...calling, book, servers, health: () => ({}) });
    return {
      requests,
      log,
      async call(args, caller = {}) {
        const result = await door.call(
          { caller, ...(server === undefined ? {} : { server }) },
          {
            name: server === undefined ? 'db__ask' : 'ask',
            arguments: args,
            signal: new AbortController().signal,
          },
        );
        if (result === undefined) return { text: 'it is not available', failure: 'denied' };
        const text = result.content.map((part) => ('text' in part ? part.text : '')).join('\n');
        const { failure, whole } = result;
        return { text, ...(failure && { failure }), ...(whole && { whole }) };
      },
    };
  };

const ways: [string, (answer?: (request: ToolCallRequest) => ToolResult) => Service, string][] = [
  ['in a turn', turns, 'db__ask'],
  ['without a turn', doorAt(), 'db__ask'],
  ['at one server', doorAt('db'), 'ask'],
];

describe.each(ways)('a call %s', (_where, start, name) => {
  it('reaches the tool under its own name, repaired, with fixed arguments whatever was asked for', async () => {
    const service = start();
    await service.call({ sql: 'x', rows: '5', tenant: 'somebody-else' });
    expect(service.requests).toMatchObject([
      {
        server: 'db',
        tool: 'query',
        arguments: { sql: 'x', rows: 5, tenant: 'ours' },
        timeoutMs: 7e4,
        maxTimeoutMs: 8e4,
      },
    ]);
  });

  it('is refused before its server where an argument does not fit, by the name it was called by', async () => {
    const service = start();
    const { text, failure } = await service.call({ rows: 'many' });
    expect(failure).toBe('invalid_arguments');
    expect(text).toMatch(new RegExp(`^The tool ${name} was not run: .*"sql"`));
    expect(text).not.toContain('tenant');
    expect(service.requests).toEqual([]);
    expect(denials(service)).toEqual([]);
  });

  it('is refused by access where the schema of the server has nothing against it, with a line in the log', async () => {
    const service = start();
    const caller = { alias: 'limited', user: 'u' };
    expect(await service.call({ sql: 'c', tenant: 'x' }, caller)).toMatchObject({
      failure: 'denied',
      text: `The tool ${name} was not run: the argument "sql" must be one of "a", "b".`,
    });
    expect(denials(service)).toMatchObject([
      { decision: 'denied', reason: 'argument', tool: 'db__ask', key_alias: 'limited', user: 'u' },
    ]);
    expect(service.requests).toEqual([]);
    expect(await service.call({ sql: 'b' }, caller)).not.toHaveProperty('failure');
  });

  it('is not there for a key that may not use the tool, and the log says so', async () => {
    const service = start();
    expect(await service.call({ sql: 'a' }, { alias: 'shut' })).toMatchObject({
      failure: 'denied',
      text: expect.stringContaining('it is not available'),
    });
    expect(denials(service)).toMatchObject([{ reason: 'tool', tool: 'db__ask', key_alias: 'shut' }]);
    expect(service.requests).toEqual([]);
  });

  it('is answered from what is kept, unless the client brings headers of its own for the server', async () => {
    const service = start();
    const first = await service.call({ sql: 'x' });
    expect(await service.call({ sql: 'x' })).toMatchObject({ text: first.text });
    expect(service.requests).toHaveLength(1);
    const caller = { serverHeaders: { db: { authorization: 'Bearer own' } } };
    await service.call({ sql: 'x' }, caller);
    await service.call({ sql: 'x' }, caller);
    expect(service.requests.slice(1).map(({ headers }) => headers)).toEqual([
      { authorization: 'Bearer own' },
      { authorization: 'Bearer own' },
    ]);
  });

  it('tells no secret and nothing of a failed program', async () => {
    const text = `${canary} is refused\n    at run (/x/y.js:1:2)`;
    const service = start((request) => ({
      failure: 'tool_error',
      content: [{ type: 'text', text }],
      ...(request.wantsWhole
        ? {
            whole: {
              isError: true,
              content: [{ type: 'text', text }],
              structuredContent: { token: canary },
            },
          }
        : {}),
    }));
    const told = await service.call({ sql: 'x' });
    expect(told).toMatchObject({ failure: 'tool_error', text: '[redacted] is refused' });
    expect(JSON.stringify(told.whole ?? {})).not.toMatch(/canary|y\.js/);
  });
});

it('keeps a whole result apart from one that was only read', async () => {
  const { calling, book, requests, servers } = parts(answered);
  const runner = new CallRunner({ ...calling, store: memoryCallStore(), outcomeTtlSeconds: 60 });
  const door = new ToolDoor({ ...calling, book, servers, health: () => ({}) });
  const signal = new AbortController().signal;
  const context = {
    turn: 't',
    scope: scopeOf({}),
    caller: {},
    access: book.accessOf({}),
    resolve: (name: string) => book.resolve({}, name),
    signal,
    gate: { execute: <T>(run: () => Promise<T>) => run() },
  };
  await runner.run(context, 1, { id: 'c', name: 'db__ask', arguments: '{"sql":"x"}' });
  for (const _time of [1, 2]) {
    const result = await door.call({ caller: {} }, { name: 'db__ask', arguments: { sql: 'x' }, signal });
    expect(result?.whole).toMatchObject({ structuredContent: { rows: 1 } });
  }
  expect(requests.map(({ wantsWhole }) => wantsWhole)).toEqual([undefined, true]);
});
