import type { Client } from 'minio';
import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import { asFailure } from '../failure';

/** `minio_list_objects`: keys and sizes, page after page until the limit. */
export const listObjectsTool = (client: Client) =>
  defineTool({
    name: 'minio_list_objects',
    description:
      'Lists the objects of a bucket in the order of their keys. For the next page give the last key as "after".',
    input: z.object({
      bucket_name: z.string().min(3).max(63),
      prefix: z.string().max(1024).default('').describe('Only keys that begin with this'),
      after: z.string().max(1024).default('').describe('Only keys behind this one'),
      limit: z.number().int().min(1).max(5000).default(1000),
    }),
    async run({ bucket_name, prefix, after, limit }, signal) {
      const objects: { key: string; size: number; last_modified: string | null }[] = [];
      try {
        // The client asks for the next thousand when they are read.
        for await (const item of client.listObjectsV2(bucket_name, prefix, true, after)) {
          signal.throwIfAborted();
          const { name, size, lastModified } = item as { name?: string; size?: number; lastModified?: Date };
          if (name === undefined) continue;
          if (objects.length === limit) return { objects, more: true };
          objects.push({ key: name, size: size ?? 0, last_modified: lastModified?.toISOString() ?? null });
        }
      } catch (error) {
        throw asFailure(error, bucket_name);
      }
      return { objects, more: false };
    },
  });
