import type { Client } from 'minio';
import { StringDecoder } from 'node:string_decoder';
import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import { asFailure } from '../failure';

/** `minio_get_object`: the text of an object, up to a size; of other content only what it is. */
export const getObjectTool = (client: Client, mostBytes: number) =>
  defineTool({
    name: 'minio_get_object',
    description: `Gives the text of one object, ${mostBytes} bytes at once; of binary content only its type and size.`,
    input: z.object({
      bucket_name: z.string().min(3).max(63),
      object_name: z.string().min(1).max(1024),
      offset: z.number().int().min(0).default(0).describe('Where to begin, in bytes'),
    }),
    async run({ bucket_name, object_name, offset }, signal) {
      try {
        const { size, metaData } = await client.statObject(bucket_name, object_name);
        const type: unknown = (metaData as Record<string, unknown>)['content-type'];
        const about = { key: object_name, size, content_type: typeof type === 'string' ? type : null };
        if (offset >= size) return { ...about, text: '', note: 'This is the end of it.' };
        const length = Math.min(mostBytes, size - offset);
        const stream = await client.getPartialObject(bucket_name, object_name, offset, length);
        const pieces: Buffer[] = [];
        for await (const piece of stream) {
          signal.throwIfAborted();
          pieces.push(piece as Buffer);
        }
        const bytes = Buffer.concat(pieces);
        if (isBinary(bytes)) return { ...about, binary: true, note: 'Binary content is not shown.' };
        // A character that the end of the piece cuts in two belongs to the next piece.
        const text = new StringDecoder('utf8').write(bytes);
        const next = offset + Buffer.byteLength(text);
        return offset + length < size ? { ...about, text, next_offset: next } : { ...about, text };
      } catch (error) {
        throw asFailure(error, bucket_name, object_name);
      }
    },
  });

/** Text has no zero bytes, and is UTF-8 but for a character that was cut at either end. */
function isBinary(bytes: Buffer): boolean {
  if (bytes.includes(0)) return true;
  let start = 0;
  while (start < Math.min(4, bytes.length) && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    // In stream mode a character that is not complete at the end is no error.
    decoder.decode(bytes.subarray(start), { stream: true });
    return false;
  } catch {
    return true;
  }
}
