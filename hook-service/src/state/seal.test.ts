import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { createSeal, plainSeal, type Seal } from './seal';

const [first, second] = [randomBytes(32), randomBytes(32)];
const sealed = createSeal({ keys: [first], readsPlain: false });

/** A piece of closed bytes, read as a store reads it. */
function piece(seal: Seal, name: string, closed: Buffer, offset: number, length: number) {
  const { pieces } = seal;
  const range = pieces.range(offset, length);
  const part = closed.subarray(range.offset, range.offset + range.length);
  return pieces.open(name, closed.subarray(0, pieces.headLength), part, offset, length);
}

describe('a seal', () => {
  it('gives back every text, and shows nothing of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 8 }), (text) => {
        const closed = sealed.close('a', text);
        expect(sealed.open('a', closed)).toBe(Buffer.from(text).toString());
        expect(closed).not.toContain(text);
      }),
    );
    expect(sealed.close('a', 'same')).not.toBe(sealed.close('a', 'same'));
  });

  it('opens nothing under another name, with another key, or after a bit was changed', () => {
    const closed = sealed.close('mine', 'secret');
    expect(sealed.open('yours', closed)).toBeUndefined();
    expect(createSeal({ keys: [second], readsPlain: true }).open('mine', closed)).toBeUndefined();
    const bytes = Buffer.from(closed.slice(13), 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(sealed.open('mine', closed.slice(0, 13) + changed.toString('base64'))).toBeUndefined();
    }
    for (const bad of ['', 'tt1.', 'tt1.zz.', closed.slice(0, 20)])
      expect(sealed.open('mine', bad)).toBeUndefined();
  });

  it('opens with two keys while they change, and closes with the first', () => {
    const both = createSeal({ keys: [second, first], readsPlain: false });
    expect(both.open('a', sealed.close('a', 'old'))).toBe('old');
    expect(sealed.open('a', both.close('a', 'new'))).toBeUndefined();
  });

  it('reads what was kept in the open only where that is wanted', () => {
    expect(sealed.open('a', '{"a":1}')).toBeUndefined();
    expect(createSeal({ keys: [first], readsPlain: true }).open('a', '{"a":1}')).toBe('{"a":1}');
    expect(plainSeal.open('a', sealed.close('a', 'x'))).toBeUndefined();
  });

  it.each([
    ['sealed', sealed],
    ['plain', plainSeal],
  ])('gives any piece of bytes, and how many there are: %s', (_what, seal) => {
    const bytes = randomBytes(50_000);
    const closed = seal.pieces.close('a', bytes);
    expect(seal.pieces.total(closed.length)).toBe(bytes.length);
    fc.assert(
      fc.property(fc.nat(50_000), fc.integer({ min: 1, max: 40_000 }), (offset, length) => {
        const read = piece(seal, 'a', closed, offset, length);
        expect(Buffer.from(read ?? []).equals(bytes.subarray(offset, offset + length))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('gives no piece that was moved within its text, or that a key has closed which is gone', () => {
    const closed = sealed.pieces.close('a', randomBytes(50_000));
    const swapped = Buffer.concat([
      closed.subarray(0, 13),
      closed.subarray(13 + 16_412, 13 + 2 * 16_412),
      closed.subarray(13, 13 + 16_412),
      closed.subarray(13 + 2 * 16_412),
    ]);
    expect(piece(sealed, 'a', swapped, 0, 10)).toBeUndefined();
    expect(piece(createSeal({ keys: [second], readsPlain: false }), 'a', closed, 0, 10)).toBeUndefined();
    expect(piece(plainSeal, 'a', closed, 0, 10)).toBeUndefined();
  });
});
