import { z } from 'zod';
import { surfaces, type SurfacePolicy } from '../core/surface';

const words = surfaces.join(', ');
const mode = z.enum(surfaces, { error: `must be one of ${words}` });

/** The fields of `toolturn.surface`. */
export const surfaceShape = {
  default: mode.default('hidden'),
  keys: z.record(z.string(), mode, { error: `must be a map of keys to one of ${words}` }).default({}),
};

/** `toolturn.surface`: one mode for everybody, or a map. */
export const surfaceSchema = z.preprocess(
  (value) => (typeof value === 'string' ? { default: value } : value),
  z.strictObject(surfaceShape, { error: `must be one of ${words}, or a map with default and keys` }),
);

/** The policy of a section; raw keys become what LiteLLM knows them by. */
export function surfacePolicy(
  section: z.infer<typeof surfaceSchema>,
  hashRawKey: (key: string) => string,
): SurfacePolicy {
  const keys = Object.entries(section.keys).map(([key, surface]) => ({ key: hashRawKey(key), surface }));
  return { default: section.default, keys };
}
