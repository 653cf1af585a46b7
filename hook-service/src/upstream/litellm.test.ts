import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { JsonObject } from '../core/json';
import { createUpstream } from './litellm';

type Answer = (res: ServerResponse, req: IncomingMessage) => void;

/** Answers one request after the other as it is told; the last way stays. */
async function litellm(...answers: readonly Answer[]) {
  const asked: {
    readonly headers: IncomingMessage['headers'];
    readonly body: unknown;
    readonly socket: Socket;
  }[] = [];
  const server = createServer((req, res) => {
    const pieces: Buffer[] = [];
    req.on('data', (piece: Buffer) => pieces.push(piece));
    req.on('end', () => {
      asked.push({
        headers: req.headers,
        body: JSON.parse(Buffer.concat(pieces).toString()),
        socket: req.socket,
      });
      answers[Math.min(asked.length, answers.length) - 1]?.(res, req);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { asked, upstream: createUpstream({ baseUrl: `http://127.0.0.1:${port}` }) };
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  (res) =>
    void res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const events =
  (...lines: readonly string[]): Answer =>
  (res) =>
    void res
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .end(lines.map((each) => `${each}\n\n`).join(''));
const cut: Answer = (res) => void res.socket?.destroy();

const request = (signal = new AbortController().signal) => ({
  path: '/v1/chat/completions',
  headers: { authorization: 'Bearer sk-1', 'x-own': 'a' },
  body: { model: 'm' },
  signal,
});

async function all(stream: AsyncIterable<JsonObject>): Promise<JsonObject[]> {
  const read: JsonObject[] = [];
  for await (const each of stream) read.push(each);
  return read;
}

describe('a continuation', () => {
  it('goes to LiteLLM with the caller’s headers, and its answer comes back', async () => {
    const { asked, upstream } = await litellm(json({ id: 'a' }));
    expect(await upstream.send(request())).toEqual({ id: 'a' });
    expect(asked[0]?.body).toEqual({ model: 'm' });
    expect(asked[0]?.headers).toMatchObject({ authorization: 'Bearer sk-1', 'x-own': 'a' });
  });

  it.each([408, 409, 429, 500, 503])('is repeated once behind status %i', async (status) => {
    const { asked, upstream } = await litellm(json({}, status, { 'retry-after-ms': '1' }), json({ id: 'b' }));
    expect(await upstream.send(request())).toEqual({ id: 'b' });
    expect(asked).toHaveLength(2);
  });

  it('is repeated once when the connection breaks', async () => {
    const { asked, upstream } = await litellm(cut, json({ id: 'b' }));
    expect(await upstream.send(request())).toEqual({ id: 'b' });
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['LiteLLM fails behind it', json({ error: { message: 'a logger failed' } }, 500)],
    ['the connection breaks', cut],
  ])('is not repeated where its answer is known and %s', async (_, answer) => {
    const { asked, upstream } = await litellm(answer);
    await expect(upstream.send({ ...request(), isAnswered: () => true })).rejects.toThrow();
    expect(asked).toHaveLength(1);
  });

  it('goes over a connection that has just been used', async () => {
    const { asked, upstream } = await litellm(json({}));
    for (let round = 0; round < 3; round++) await upstream.send(request());
    expect(new Set(asked.map(({ socket }) => socket)).size).toBe(1);
  });

  it('is not repeated twice', async () => {
    const { asked, upstream } = await litellm(
      json({ error: { message: 'busy' } }, 503, { 'retry-after': '0' }),
    );
    await expect(upstream.send(request())).rejects.toMatchObject({
      status: 503,
      message: expect.stringContaining('busy'),
    });
    expect(asked).toHaveLength(2);
  });

  it('is not repeated where the request was wrong, or the provider says that it is of no use', async () => {
    const wrong = await litellm(json({ error: { message: 'no such model\nwith a trace' } }, 400));
    await expect(wrong.upstream.send(request())).rejects.toMatchObject({
      status: 400,
      message: expect.not.stringContaining('trace'),
    });
    expect(wrong.asked).toHaveLength(1);
    const useless = await litellm(json({}, 500, { 'x-should-retry': 'false' }));
    await expect(useless.upstream.send(request())).rejects.toMatchObject({ status: 500 });
    expect(useless.asked).toHaveLength(1);
  });

  it('that is answered with something else than an object fails', async () => {
    const { upstream } = await litellm((res) => void res.end('<html>'));
    await expect(upstream.send(request())).rejects.toMatchObject({ code: 'upstream_failed' });
  });

  it('ends with its signal', async () => {
    const over = new AbortController();
    const { upstream } = await litellm(() => over.abort());
    await expect(upstream.send(request(over.signal))).rejects.toMatchObject({
      message: 'The model request was cancelled.',
    });
  });
});

describe('a continuation that streams', () => {
  it('gives the events as they come, and leaves the connection for the next one', async () => {
    const { asked, upstream } = await litellm(
      events(': ping', 'data: {"a":1}', 'event: b\ndata: {"b":2}', 'data: [DONE]', 'data: {"late":3}'),
    );
    expect(await all(await upstream.stream(request()))).toEqual([{ a: 1 }, { b: 2 }]);
    await all(await upstream.stream(request()));
    expect(asked[1]?.socket).toBe(asked[0]?.socket);
  });

  it('fails with what LiteLLM says in the middle of it', async () => {
    const { upstream } = await litellm(
      events('data: {"a":1}', 'data: {"error":{"message":"gone","code":"529"}}'),
    );
    await expect(all(await upstream.stream(request()))).rejects.toMatchObject({
      status: 529,
      message: expect.stringContaining('gone'),
    });
  });

  it('fails where it is cut off', async () => {
    const { upstream } = await litellm((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"a":1}\n\n');
      setImmediate(() => res.socket?.destroy());
    });
    await expect(all(await upstream.stream(request()))).rejects.toMatchObject({ code: 'upstream_failed' });
  });

  it('ends with its signal, as a failure', async () => {
    const over = new AbortController();
    const { upstream } = await litellm((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"a":1}\n\n');
    });
    const stream = await upstream.stream(request(over.signal));
    await expect(
      (async () => {
        for await (const _event of stream) over.abort();
      })(),
    ).rejects.toMatchObject({ message: 'The model request was cancelled.' });
  });
});
