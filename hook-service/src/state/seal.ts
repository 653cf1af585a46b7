import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/**
 * Encrypts what stands in Redis: AES-256-GCM with a nonce of its own for each value. The name under which a value is
 * kept is authenticated with it, so that nobody who can write to Redis can put one value in the place of another.
 */
export interface Seal {
  /** Closed text, for a value that is read as a whole. */
  close(name: string, text: string): string;
  /** Undefined for what no known key opens, or what was kept under another name. */
  open(name: string, closed: string): string | undefined;
  /** The same for bytes of which a piece is read. */
  readonly pieces: SealedPieces;
}

/** Bytes closed piece by piece. */
export interface SealedPieces {
  close(name: string, bytes: Uint8Array): Buffer;
  /** Where in the closed bytes the pieces stand that hold this range: offset and length. */
  range(offset: number, length: number): { readonly offset: number; readonly length: number };
  /** How many bytes were closed. */
  total(closedLength: number): number;
  /** The asked bytes, of the beginning of the closed ones and of the range. */
  open(
    name: string,
    head: Uint8Array,
    range: Uint8Array,
    offset: number,
    length: number,
  ): Uint8Array | undefined;
  /** How many bytes from the start `open` needs as `head`. */
  readonly headLength: number;
}

/** Keys for data at rest: the first one closes, all open. */
export interface SealKeys {
  readonly keys: readonly Buffer[];
  /** True: what was kept before there was a key is still read. */
  readonly readsPlain: boolean;
}

const version = 'tt1';
const nonceLength = 12;
const tagLength = 16;
const pieceLength = 16 * 1024;
const closedPiece = nonceLength + pieceLength + tagLength;
const idLength = 8;
/** `tt1.<id of the key>.` */
const headLength = version.length + 1 + idLength + 1;

/** By which a value says what key closed it; no help in guessing it. */
const idOf = (key: Buffer): string =>
  createHash('sha256').update('toolturn key id').update(key).digest('hex').slice(0, idLength);

/** Seals with these keys; without any, values stand as they are. */
export function createSeal({ keys, readsPlain }: SealKeys): Seal {
  const [current] = keys;
  if (current === undefined) return plainSeal;
  const byId = new Map(keys.map((key) => [idOf(key), key]));
  const head = `${version}.${idOf(current)}.`;
  const keyOf = (start: string): Buffer | undefined => {
    const [kind, id = ''] = start.split('.', 2);
    return kind === version ? byId.get(id) : undefined;
  };
  return {
    close: (name, text) => head + encrypt(current, name, Buffer.from(text)).toString('base64'),
    open: (name, closed) => {
      if (!closed.startsWith(`${version}.`)) return readsPlain ? closed : undefined;
      const key = keyOf(closed.slice(0, headLength));
      if (key === undefined) return undefined;
      return decrypt(key, name, Buffer.from(closed.slice(headLength), 'base64'))?.toString();
    },
    pieces: {
      headLength,
      close: (name, bytes) => {
        const closed: Buffer[] = [Buffer.from(head)];
        for (let at = 0; at < bytes.length; at += pieceLength) {
          closed.push(encrypt(current, pieceName(name, at), bytes.subarray(at, at + pieceLength)));
        }
        return Buffer.concat(closed);
      },
      range: (offset, length) => {
        const first = Math.floor(offset / pieceLength);
        const behind = Math.ceil((offset + length) / pieceLength);
        return { offset: headLength + first * closedPiece, length: (behind - first) * closedPiece };
      },
      total: (closedLength) => {
        const closed = Math.max(closedLength - headLength, 0);
        return closed - Math.ceil(closed / closedPiece) * (nonceLength + tagLength);
      },
      open: (name, start, range, offset, length) => {
        const key = keyOf(Buffer.from(start).toString('latin1'));
        if (key === undefined) return undefined;
        const from = Math.floor(offset / pieceLength) * pieceLength;
        const opened: Buffer[] = [];
        for (let at = 0; at < range.length; at += closedPiece) {
          const place = from + (at / closedPiece) * pieceLength;
          const piece = decrypt(key, pieceName(name, place), range.subarray(at, at + closedPiece));
          if (piece === undefined) return undefined;
          opened.push(piece);
        }
        return Buffer.concat(opened).subarray(offset - from, offset - from + length);
      },
    },
  };
}

const pieceName = (name: string, at: number): string => `${name}\0${at}`;

function encrypt(key: Buffer, name: string, bytes: Uint8Array): Buffer {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name));
  return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, name: string, closed: Uint8Array): Buffer | undefined {
  if (closed.length < nonceLength + tagLength) return undefined;
  const nonce = closed.subarray(0, nonceLength);
  const text = closed.subarray(nonceLength, closed.length - tagLength);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength });
  decipher.setAAD(Buffer.from(name)).setAuthTag(closed.subarray(closed.length - tagLength));
  try {
    return Buffer.concat([decipher.update(text), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** Values as they are. What a key has closed counts as nothing, since there is none. */
export const plainSeal: Seal = {
  close: (_name, text) => text,
  open: (_name, text) => (text.startsWith(`${version}.`) ? undefined : text),
  pieces: {
    headLength,
    close: (_name, bytes) => Buffer.from(bytes),
    range: (offset, length) => ({ offset, length }),
    total: (length) => length,
    open: (_name, head, range) =>
      /^tt1\.[0-9a-f]{8}\.$/.test(Buffer.from(head).toString('latin1')) ? undefined : range,
  },
};
