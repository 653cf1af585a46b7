import fc from 'fast-check';
import { LineReader } from './line-reader';

function read(chunks: readonly Buffer[], limit = 1_000) {
  const lines: string[] = [];
  const tooLong: string[] = [];
  const reader = new LineReader({
    limit,
    onLine: (line) => lines.push(line),
    onTooLong: (beginning) => tooLong.push(beginning),
  });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return { lines, tooLong };
}

describe('the line reader', () => {
  test('finds the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(30)), (texts, cuts) => {
        const wanted = texts.map((text) => text.replace(/[\r\n]/g, '')).filter((text) => text !== '');
        const bytes = Buffer.from(wanted.map((line) => `${line}\n`).join(''));
        const chunks: Buffer[] = [];
        let from = 0;
        for (const cut of cuts) {
          chunks.push(bytes.subarray(from, from + cut));
          from += cut;
        }
        chunks.push(bytes.subarray(from));
        expect(read(chunks, 1_000_000).lines).toEqual(wanted);
      }),
    );
  });

  test('takes CRLF as one line end, also when it is cut in two', () => {
    expect(read([Buffer.from('a\r'), Buffer.from('\nb\r\n')]).lines).toEqual(['a', 'b']);
  });

  test('reports a line that is too long once, and goes on with the next', () => {
    const { lines, tooLong } = read([Buffer.from('123456'), Buffer.from('789\nok\n')], 4);
    expect(tooLong).toEqual(['1234']);
    expect(lines).toEqual(['ok']);
  });
});
