import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { TurnHooks } from '../core/hooks';
import { silent } from '../../../tests/support/silent-log';
import { hookListener } from './hooks';

const pieces = 100;
const piece = { text: 'x'.repeat(128 * 1024) };

const head = {
  url: 'http://litellm/v1/chat/completions',
  headers: {},
  key: {},
  body: { model: 'm' },
  turn: { turn: 'turn-0001', client_tools: 0, place: { chain: '', asked: '' }, wants_usage: false },
  seen: [],
};

/** A server of hooks with this service. */
async function serving(service: Partial<TurnHooks>) {
  const answers = hookListener({
    service: service as TurnHooks,
    secrets: () => ['secret'],
    refused: () => undefined,
    bodyBytes: 1_000_000,
    log: silent,
  });
  const server = createServer((req, res) => void answers(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a turn whose request stays open', () => {
  const response = (content: string) => ({ choices: [{ message: { content } }] });
  const line = (value: object) => `${JSON.stringify(value)}\n`;
  const told = (of: string, content: string) => line({ of, response: response(content) });

  /** A request of the door's, its parts written when they are. */
  const posted = async (port: number) => {
    const agent = new Agent({ keepAlive: true });
    const req = request({
      ...{ port, agent, method: 'POST', path: '/hooks/post-call' },
      headers: { 'x-toolturn-secret': 'secret', 'content-type': 'application/x-ndjson' },
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      req.once('response', resolve).once('error', reject);
    });
    req.write(line({ ...head, response: response('') }));
    return { req, answered, agent };
  };

  it('hears of the answers to its own continuations on it', async () => {
    const { port, close } = await serving({
      postCall: async (_request, _mark, _response, _signal, early) => {
        const answer = await early?.of(2);
        return { response: answer ?? {}, rounds: 2, calls: 1 };
      },
    });
    try {
      const { req, answered, agent } = await posted(port);
      req.write(told('another-turn.2.-.0', 'of another turn'));
      req.write(told('not what it should be', 'of nobody'));
      req.end(told('turn-0001.2.-.0', 'quince'));
      const answer = await answered;
      expect(await json(answer)).toMatchObject({ action: 'replace', response: response('quince') });
      agent.destroy();
    } finally {
      await close();
    }
  });

  it('gets its answer before the request has ended, and the connection is used again', async () => {
    const { port, close } = await serving({ postCall: () => Promise.resolve(undefined) });
    try {
      const { req, answered, agent } = await posted(port);
      const answer = await answered;
      const [first] = (await once(answer, 'data')) as [Buffer];
      expect(JSON.parse(first.toString())).toEqual({ action: 'pass' });
      const socket = req.socket;
      req.end();
      await once(answer, 'end');
      await new Promise(setImmediate);
      expect(Object.values(agent.freeSockets).flat()).toEqual([socket]);
      agent.destroy();
    } finally {
      await close();
    }
  });

  it('is refused where its first line is not understood', async () => {
    const { port, close } = await serving({});
    try {
      for (const [body, said] of [
        ['', 'no whole line'],
        ['[1]\n', 'no JSON object'],
        ['{}\n', 'url'],
      ] as const) {
        const answer = await fetch(`http://127.0.0.1:${port}/hooks/post-call`, {
          method: 'POST',
          headers: { 'x-toolturn-secret': 'secret', 'content-type': 'application/x-ndjson' },
          body,
        });
        expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(said)]);
      }
    } finally {
      await close();
    }
  });
});

it('a stream waits for a slow reader, and holds on to nothing that was written', async () => {
  let written = 0;
  const service = {
    stream: async (_request, _mark, _seen, _chunks, sink) => {
      for (; written < pieces; written += 1) await sink.write(piece);
    },
  } as Partial<TurnHooks> as TurnHooks;
  const answers = hookListener({
    service,
    secrets: () => ['secret'],
    refused: () => undefined,
    bodyBytes: 1_000_000,
    log: silent,
  });
  const listeners: number[] = [];
  const server = createServer((req, res) => {
    res.on('drain', () => listeners.push(res.listenerCount('close')));
    answers(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/hooks/stream`, {
      method: 'POST',
      headers: { 'x-toolturn-secret': 'secret' },
      body: `${JSON.stringify(head)}\n`,
    });
    // Nobody has read anything: what the connection holds is all that was taken.
    expect(written).toBeLessThan(pieces);
    const text = await answer.text();
    expect(text.split('\n')).toHaveLength(pieces + 2);
    expect(text.endsWith('[DONE]\n')).toBe(true);
    expect(listeners.length).toBeGreaterThan(10);
    expect(Math.max(...listeners) - Math.min(...listeners)).toBeLessThanOrEqual(1);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
