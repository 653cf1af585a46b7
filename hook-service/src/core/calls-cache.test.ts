import { silent } from '../../../tests/support/silent-log';
import { memoryCallStore } from '../state/claims';
import type { Caller } from './caller';
import { CallRunner } from './calls';
import type { HostTool, ToolCallRequest, ToolResult } from './ports';

const tool: HostTool = {
  server: 'db',
  tool: 'look',
  inputSchema: { type: 'object' },
  annotations: { readOnlyHint: true },
  settings: { cacheSeconds: 60 },
};

/** Runs the same call once for each caller, with one cache; gives what reached the server. */
async function made(...callers: readonly Caller[]): Promise<ToolCallRequest[]> {
  const requests: ToolCallRequest[] = [];
  const kept = new Map<string, ToolResult>();
  const runner = new CallRunner({
    host: {
      catalog: () => ({ version: 1, tools: [tool] }),
      call: async (request) => {
        requests.push(request);
        return { content: [{ type: 'text', text: 'seen' }] };
      },
    },
    store: memoryCallStore(),
    cache: {
      get: async (scope, key) => kept.get(scope + key),
      put: async (scope, key, result) => void kept.set(scope + key, result),
    },
    limits: {
      rounds: 3,
      calls: 9,
      parallel: 2,
      turnMs: 9e4,
      answerMs: 9e4,
      callMs: 9e4,
      callMaxMs: 9e4,
      repeats: 5,
      resultBytes: 1e5,
    },
    outcomeTtlSeconds: 60,
    log: silent,
  });
  for (const [index, caller] of callers.entries()) {
    const context = {
      turn: `turn-${index}`,
      scope: 'one key',
      caller,
      access: { denied: () => undefined, refusal: () => undefined },
      resolve: () => tool,
      signal: new AbortController().signal,
      gate: { execute: <T>(run: () => Promise<T>) => run() },
    };
    await runner.run(context, 1, { id: 'c', name: 'db__look', arguments: '{}' });
  }
  return requests;
}

describe('kept results', () => {
  it('serve every request under one key', async () => {
    expect(await made({}, {})).toHaveLength(1);
  });

  it('are neither kept nor given where a client brings its own credentials for the server', async () => {
    const own = (value: string): Caller => ({ serverHeaders: { db: { authorization: value } } });
    expect(await made(own('Bearer a'), own('Bearer b'), own('Bearer a'), {}, {})).toHaveLength(4);
  });

  it('are kept apart for the people that a client asks for', async () => {
    expect(await made({ endUser: 'ada' }, { endUser: 'bob' }, { endUser: 'ada' })).toHaveLength(2);
  });
});
