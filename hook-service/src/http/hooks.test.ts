import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { json, text } from 'node:stream/consumers';
import { ToolturnError } from '../core/errors';
import type { TurnHooks } from '../core/hooks';
import type { Carrier } from '../core/ports';
import { within } from '../core/within';
import { silent } from '../../../tests/support/silent-log';
import { hookListener, type HookDeps } from './hooks';

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
async function serving(
  service: Partial<TurnHooks>,
  { secrets = () => ['secret'], ...more }: Partial<HookDeps> = {},
) {
  const answers = hookListener({
    service: service as TurnHooks,
    secrets,
    refused: () => undefined,
    bodyBytes: () => 1_000_000,
    stop: new AbortController().signal,
    log: silent,
    ...more,
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

const response = (content: string) => ({ choices: [{ message: { content } }] });
const line = (value: object) => `${JSON.stringify(value)}\n`;

describe('a turn whose request stays open', () => {
  const told = (of: string, content: string) => line({ toolturn: { of, response: response(content) } });

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
      postCall: async (_request, _mark, _response, _signal, door) => {
        const answer = await door?.early.of(2);
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

  describe('and that is worked on by a door that asks LiteLLM', () => {
    const posted = (port: number, path: string, first: object) => {
      const req = request({
        ...{ port, method: 'POST', path },
        headers: { 'x-toolturn-secret': 'secret', 'content-type': 'application/x-ndjson' },
      });
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        req.once('response', resolve).once('error', reject);
      });
      req.write(line({ ...first, runs: true }));
      return { req, answered };
    };
    const asked = (carrier: Carrier | undefined) =>
      carrier?.open({ method: 'POST', url: new URL('http://litellm/v1'), headers: {}, body: '{}' });

    it('gets what it asks on the answer, and the error as a line where the turn fails behind it', async () => {
      const { port, close } = await serving({
        postCall: async (_request, _mark, _response, _signal, door) => {
          const answer = await asked(door?.carrier)?.answer;
          if (answer !== undefined)
            throw new ToolturnError('upstream_failed', await text(answer), { status: 418 });
          return undefined;
        },
      });
      try {
        const { req, answered } = posted(port, '/hooks/post-call', { ...head, response: response('') });
        const lines = createInterface(await answered)[Symbol.asyncIterator]();
        expect((await lines.next()).value).toMatch(/^>\{"id":1,.*\}\t\{\}$/);
        req.end(line({ toolturn: { id: 1, status: 200, piece: 'A teapot.', end: true } }));
        expect(JSON.parse((await lines.next()).value as string)).toEqual({
          status: 418,
          error: { message: 'A teapot.', type: 'upstream_failed', code: '418' },
        });
        expect((await lines.next()).done).toBe(true);
      } finally {
        await close();
      }
    });

    it('ends a round of a stream by a word of its own, and the request with the turn', async () => {
      const { port, close } = await serving({
        stream: async (_request, _mark, _seen, chunks, sink, _signal, carrier) => {
          for await (const chunk of chunks) await sink.write(chunk);
          const answer = await asked(carrier)?.answer;
          await sink.write({ said: answer === undefined ? '' : await text(answer) });
        },
      });
      try {
        const { req, answered } = posted(port, '/hooks/stream', head);
        req.write(`${line({ number: 1 })}${line({ number: 2 })}${line({ toolturn: { read: true } })}`);
        const lines = createInterface(await answered)[Symbol.asyncIterator]();
        const next = async () => (await lines.next()).value as string;
        expect([await next(), await next()]).toEqual(['{"number":1}', '{"number":2}']);
        expect(await next()).toMatch(/^>/);
        req.write(line({ toolturn: { id: 1, status: 200, piece: 'quince', end: true } }));
        expect([await next(), await next()]).toEqual(['{"said":"quince"}', '[DONE]']);
        req.end();
        expect((await lines.next()).done).toBe(true);
      } finally {
        await close();
      }
    });
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

describe('a request that stays open behind a turn', () => {
  const turnNamed = (turn: string, more: object = {}) => ({
    ...{ ...head, turn: { ...head.turn, turn }, response: response('') },
    ...more,
  });
  /** A request of the door's, and the lines that come on it. */
  const opened = async (port: number, path = '/hooks/post-call') => {
    const req = request({
      ...{ port, method: 'POST', path },
      headers: { 'x-toolturn-secret': 'secret', 'content-type': 'application/x-ndjson' },
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      req.once('response', resolve).once('error', reject);
    });
    let lines: AsyncIterator<string> | undefined;
    return {
      req,
      next: async () => {
        lines ??= createInterface(await answered)[Symbol.asyncIterator]();
        const { value, done } = await lines.next();
        return done === true ? undefined : value;
      },
    };
  };
  const named: Partial<TurnHooks> = {
    postCall: async (_request, { turn }) => ({ response: response(turn), rounds: 1, calls: 1 }),
  };
  const said = (text: string | undefined) =>
    text === undefined ? undefined : JSON.parse(text).response?.choices[0].message.content;

  it('has one turn after the other', async () => {
    const { port, close } = await serving(named);
    try {
      const { req, next } = await opened(port);
      req.write(line(turnNamed('turn-0001')));
      expect(said(await next())).toBe('turn-0001');
      for (const turn of ['turn-0002', 'turn-0003']) {
        req.write(`>${line(turnNamed(turn))}`);
        expect(said(await next())).toBe(turn);
      }
      req.end();
      expect(await next()).toBeUndefined();
    } finally {
      await close();
    }
  });

  it('has streams likewise, and what is told behind the end of one is not of the next', async () => {
    const { port, close } = await serving({
      stream: async (_request, { turn }, _seen, chunks, sink) => {
        if (turn === 'turn-0001') return sink.write({ turn });
        for await (const chunk of chunks) await sink.write({ turn, chunk });
      },
    });
    try {
      const { req, next } = await opened(port, '/hooks/stream');
      req.write(line(turnNamed('turn-0001')));
      expect([await next(), await next()]).toEqual(['{"turn":"turn-0001"}', '[DONE]']);
      req.write(`${line({ of: 'the first' })}${line({ toolturn: { read: true } })}`);
      req.write(
        `>${line(turnNamed('turn-0002'))}${line({ of: 'the second' })}${line({ toolturn: { read: true } })}`,
      );
      expect(JSON.parse((await next()) ?? '')).toEqual({ turn: 'turn-0002', chunk: { of: 'the second' } });
      expect(await next()).toBe('[DONE]');
      req.end();
      expect(await next()).toBeUndefined();
    } finally {
      await close();
    }
  });

  it('has what a turn asks of LiteLLM only while that turn lasts', async () => {
    let last: Carrier | undefined;
    const ask = (carrier: Carrier | undefined) =>
      carrier?.open({ method: 'POST', url: new URL('http://litellm/v1'), headers: {}, body: '{}' });
    let asked: ReturnType<typeof ask>;
    const { port, close } = await serving({
      postCall: async (_request, { turn }, _response, _signal, door) => {
        if (turn === 'turn-0002')
          asked?.abort(); // of the turn before
        else asked = ask((last = door?.carrier));
        asked?.answer.catch(() => undefined);
        return { response: response(turn), rounds: 1, calls: 1 };
      },
    });
    try {
      const { req, next } = await opened(port);
      req.write(line(turnNamed('turn-0001', { runs: true })));
      expect(await next()).toMatch(/^>\{"id":1/);
      expect(said(await next())).toBe('turn-0001');
      ask(last)?.answer.catch(() => undefined);
      req.write(`>${line(turnNamed('turn-0002', { runs: true }))}`);
      expect(said(await next())).toBe('turn-0002');
      req.destroy();
    } finally {
      await close();
    }
  });

  it('leaves nobody waiting for what the door has not said of a turn by its end', async () => {
    let reading: Promise<PromiseSettledResult<unknown>[]> | undefined;
    const { port, close } = await serving({
      stream: async (_request, _mark, _seen, chunks, _sink, _signal, carrier) => {
        const ask = () =>
          carrier?.open({ method: 'POST', url: new URL('http://litellm/v1'), headers: {}, body: '{}' });
        const [begun, asked] = [ask(), ask()];
        const answer = await begun?.answer;
        const readAll = async () => {
          for await (const _ of chunks);
        };
        reading = Promise.allSettled([readAll(), answer && text(answer), asked?.answer]);
      },
    });
    try {
      const { req, next } = await opened(port, '/hooks/stream');
      req.write(line(turnNamed('turn-0001', { runs: true })));
      expect([await next(), await next()]).toEqual([
        expect.stringMatching(/^>\{"id":1/),
        expect.stringMatching(/^>\{"id":2/),
      ]);
      req.write(line({ toolturn: { id: 1, status: 200, piece: 'begun' } }));
      expect(await next()).toBe('[DONE]');
      // The request is still open.
      expect(await within(1_000, Promise.resolve(reading))).toBe(true);
      expect((await reading)?.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      req.destroy();
    } finally {
      await close();
    }
  });

  it('says what is wrong with a later turn in a line, a secret that holds no more included', async () => {
    const secrets = ['secret'];
    const { port, close } = await serving(named, { secrets: () => secrets });
    try {
      const { req, next } = await opened(port);
      req.write(line(turnNamed('turn-0001')));
      await next();
      req.write(`>${line({})}`);
      expect(JSON.parse((await next()) ?? '')).toMatchObject({ status: 400, error: { type: 'bad_request' } });
      secrets[0] = 'another secret';
      req.write(`>${line(turnNamed('turn-0002'))}`);
      expect(JSON.parse((await next()) ?? '')).toMatchObject({ status: 401 });
      req.destroy();
    } finally {
      await close();
    }
  });

  it('is broken off where a turn begins in the middle of another one', async () => {
    let failed: unknown;
    const { port, close } = await serving({
      stream: async (_request, _mark, _seen, chunks) => {
        try {
          for await (const _ of chunks);
        } catch (error) {
          failed = error;
          throw error;
        }
      },
    });
    try {
      const { req, next } = await opened(port, '/hooks/stream');
      req.write(line(turnNamed('turn-0001')));
      req.write(`>${line(turnNamed('turn-0002'))}`);
      await expect(next()).rejects.toThrow('aborted');
      expect(failed).toMatchObject({ message: 'A turn begins where the one before it is not over.' });
    } finally {
      await close();
    }
  });

  it('ends the turn that it has where the door goes, and not one that it had', async () => {
    const gone: boolean[] = [];
    let over: (value: unknown) => void = () => undefined;
    const isOver = new Promise((resolve) => (over = resolve));
    const { port, close } = await serving({
      postCall: async (_request, { turn }, _response, signal) => {
        signal.addEventListener('abort', () => gone.push(turn === 'turn-0002'));
        if (turn === 'turn-0002') await once(signal, 'abort').then(over);
        return undefined;
      },
    });
    try {
      const { req, next } = await opened(port);
      req.on('error', () => undefined).write(line(turnNamed('turn-0001')));
      await next();
      req.write(`>${line(turnNamed('turn-0002'))}`, () => req.destroy());
      await isOver;
      expect(gone).toEqual([true]);
    } finally {
      await close();
    }
  });

  describe('while hook-service stops', () => {
    /** A request without a turn, on which that is said. */
    const left = async (look: (of: Awaited<ReturnType<typeof opened>>) => Promise<void>) => {
      const stop = new AbortController();
      const { port, close } = await serving(named, { stop: stop.signal });
      try {
        const { req, next } = await opened(port);
        req.on('error', () => undefined).write(line(turnNamed('turn-0001')));
        await next();
        stop.abort();
        expect(await next()).toBe('>{"leave":true}');
        await look({ req, next });
        expect(await next()).toBeUndefined();
      } finally {
        await close();
      }
    };

    it('says that it leaves, still takes a turn that comes, and ends behind it', () =>
      left(async ({ req, next }) => {
        req.write(`>${line(turnNamed('turn-0002'))}`);
        expect(said(await next())).toBe('turn-0002');
      }));

    it('ends without one soon', () => left(async () => undefined));
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
    bodyBytes: () => 1_000_000,
    stop: new AbortController().signal,
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
