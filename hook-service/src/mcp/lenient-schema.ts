import type { StandardSchemaV1 } from '@modelcontextprotocol/client';

/**
 * A result schema that accepts everything as it is. The SDK insists on one; its own would refuse a whole result for
 * one part of an unknown type, and copy the rest. Results are read by `content.ts` and `listing.ts` instead.
 */
export const anyResult: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'toolturn', validate: (value) => ({ value }) },
};
