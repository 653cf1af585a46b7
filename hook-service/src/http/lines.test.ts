import fc from 'fast-check';
import { eventsOf } from '../../../tests/support/responses-model';
import { messageEvents } from '../../../tests/support/messages-model';
import { chatChunks } from '../../../scripts/src/scripted-reply';
import type { JsonObject } from '../core/json';
import { Readable } from 'node:stream';
import { readLines } from './lines';

const said = 'Ünïcode é😀 \u2028 "quoted"\n';
const request = { path: '/', headers: {}, body: {}, at: 0 };
const reply = { text: said, toolCalls: [{ id: 'call_1', name: 'notes__echo', arguments: { text: said } }] };
const item = {
  id: 'msg_1',
  type: 'message',
  content: [{ type: 'output_text', text: said, annotations: [] }],
};
const part = (parts: object[]): object => ({ candidates: [{ content: { role: 'model', parts }, index: 0 }] });

/** A stream of each dialect, as the door writes its events. */
const streams: readonly (readonly [string, readonly object[]])[] = [
  ['chat', chatChunks({ id: 'c', created: 1, model: 'm' }, reply, request)],
  ['responses', eventsOf({ id: 'resp_1', status: 'completed', output: [item] })],
  [
    'messages',
    messageEvents({ id: 'msg_1' }, { text: said, calls: [{ name: 'notes__echo', input: { text: said } }] }),
  ],
  [
    'generateContent',
    [part([{ text: said }]), part([{ functionCall: { name: 'notes__echo', args: { text: said } } }])],
  ],
];

/** The bytes in pieces of these sizes, over and over. */
async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function read(bytes: Buffer, sizes: readonly number[], most = 1_000_000): Promise<JsonObject[]> {
  const reader = readLines(Readable.from(inPieces(bytes, sizes), { objectMode: false }), () => most);
  const lines = [await reader.first];
  await new Promise<void>((resolve, reject) =>
    reader.follow({
      line: (line) => void lines.push(line),
      end: (error) => (error === undefined ? resolve() : reject(error)),
    }),
  );
  return lines;
}

describe.each(streams)('a stream of %s that comes from the door', (_dialect, events) => {
  const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));

  it('is the same events wherever its bytes are cut, in the middle of a letter too', async () => {
    const whole = JSON.stringify(events);
    for (let cut = 1; cut < bytes.length; cut++)
      expect(JSON.stringify(await read(bytes, [cut, bytes.length]))).toBe(whole);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), async (sizes) => {
        expect(JSON.stringify(await read(bytes, sizes))).toBe(whole);
      }),
    );
  });
});

describe('lines that are no stream', () => {
  it.each([
    ['no JSON', '{"a":\n', /not valid JSON/],
    ['no object', '[1]\n', /no JSON object/],
    ['a line without end', `{"a":"${'x'.repeat(200)}`, /longer than 100 bytes/],
  ])('are refused: %s', async (_what, text, message) => {
    await expect(read(Buffer.from(text), [7], 100)).rejects.toThrow(message);
  });
});
