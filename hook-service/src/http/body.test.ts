import { createServer, request, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { ToolturnError } from '../core/errors';
import { readJson, sendJson } from './body';

const mostBytes = 1_000;
let read: Promise<unknown>;
const server = createServer((req, res) => {
  read = readJson(req, mostBytes);
  read.then(
    (body) => sendJson(res, 200, { body }),
    (error: ToolturnError) => sendJson(res, error.status, { message: error.message }),
  );
});

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

/** Sends a body in these pieces; without a length, as a client does that does not know it. */
async function post(pieces: readonly (string | Buffer)[], headers: Record<string, string> = {}) {
  const { port } = server.address() as AddressInfo;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', method: 'POST', headers }, resolve).on('error', reject);
    for (const piece of pieces) sent.write(piece);
    sent.end();
  });
  const text = (await answer.toArray()).join('');
  return { status: answer.statusCode, ...(JSON.parse(text) as { body?: unknown; message?: string }) };
}

it('a body that comes in pieces is read whole, also where one ends within a character', async () => {
  const bytes = Buffer.from('{"word":"größer"}');
  expect(await post([bytes.subarray(0, 12), bytes.subarray(12)])).toEqual({
    status: 200,
    body: { word: 'größer' },
  });
});

it.each([
  ['that says how long it is', { 'content-length': '1002' }],
  ['that does not say it', {}],
])('a body that is too long is refused, one %s', async (_which, headers) => {
  const text = `"${'x'.repeat(mostBytes)}"`;
  expect(await post([text], headers)).toMatchObject({
    status: 413,
    message: expect.stringContaining('limits'),
  });
});

it('a body that is as long as it may be is read', async () => {
  expect(await post([`"${'x'.repeat(mostBytes - 2)}"`])).toMatchObject({ status: 200 });
});

it.each([
  ['nothing', [], {}, 'empty'],
  ['no JSON', ['{'], {}, 'not valid JSON'],
  ['compressed', ['{}'], { 'content-encoding': 'gzip' }, 'content encoding'],
])('a body that is %s is refused in words', async (_what, pieces, headers, words) => {
  expect(await post(pieces, headers)).toMatchObject({ status: 400, message: expect.stringContaining(words) });
});

it('a body that is cut off rejects, and nobody waits for the rest', async () => {
  const { port } = server.address() as AddressInfo;
  const asked = new Promise((resolve) => server.once('request', resolve));
  const socket = connect(port, '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{"a"');
  await asked;
  socket.destroy();
  await expect(read).rejects.toMatchObject({ code: 'bad_request', message: 'The request was cut off.' });
});
