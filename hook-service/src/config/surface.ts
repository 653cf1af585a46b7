import { z } from 'zod';
import { surfaces, type SurfacePolicy } from '../core/surface';

const words = surfaces.join(', ');
const mode = z.enum(surfaces, { error: `must be one of ${words}` });

/** The fields of `toolturn.surface`. */
export const surfaceShape = {
  default: mode.default('hidden').describe('what clients see where no key says otherwise'),
  keys: z
    .record(z.string(), mode, { error: `must be a map of keys to one of ${words}` })
    .default({})
    .describe(
      'key alias or key hash: mode. Beats `default`; a raw `sk-` key is accepted and kept as its hash',
    )
    .meta({ example: { 'chat-ui': 'progress' } }),
};

/** `toolturn.surface`: one mode for everybody, or a map. */
export const surfaceSchema = z
  .preprocess(
    (value) => (typeof value === 'string' ? { default: value } : value),
    z.strictObject(surfaceShape, { error: `must be one of ${words}, or a map with default and keys` }),
  )
  .meta({
    short: { enum: [...surfaces] },
    description:
      'what clients see of tool work: nothing (`hidden`), notes as reasoning text (`progress`), or items for MCP tools (`native`); one word, or a map. See [surface.md](surface.md)',
  });

/** The policy of a section; raw keys become what LiteLLM knows them by. */
export function surfacePolicy(
  section: z.infer<typeof surfaceSchema>,
  hashRawKey: (key: string) => string,
): SurfacePolicy {
  const keys = Object.entries(section.keys).map(([key, surface]) => ({ key: hashRawKey(key), surface }));
  return { default: section.default, keys };
}
