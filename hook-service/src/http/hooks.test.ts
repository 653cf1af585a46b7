import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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
