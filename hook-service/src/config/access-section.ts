import { z } from 'zod';
import { filledText, texts } from './fields';
import { hashRawKey } from './hashes';

const values = z.array(z.union([z.string(), z.number(), z.boolean()]), {
  error: 'must be a list of the values that the argument may have',
});

const ruleShape = {
  keys: texts.transform((keys) => keys.map(hashRawKey)).default([]),
  teams: texts.default([]),
  users: texts.default([]),
  servers: texts.optional(),
  access_groups: texts.optional(),
  tools: z
    .strictObject(
      { allow: texts.optional(), deny: texts.default([]) },
      { error: 'must be a map with allow and deny' },
    )
    .prefault({}),
  parameters: z
    .record(
      filledText,
      z.record(filledText, values, { error: 'must be a map of arguments to lists of values' }),
      { error: 'must be a map of tools to arguments' },
    )
    .default({}),
};

const grantModes = ['honoured', 'required', 'ignored'] as const;

const accessShape = {
  default: z.enum(['all', 'none'], { error: 'must be all or none' }).optional(),
  litellm_grants: z.enum(grantModes, { error: `must be ${grantModes.join(', ')}` }).default('honoured'),
  rules: z
    .array(z.strictObject(ruleShape, { error: 'must be a map that says who may use what' }), {
      error: 'must be a list of rules',
    })
    .default([]),
};

/** Schema of `toolturn.access`; whether the names in it exist is seen later, in `compileAccess`. */
export const accessSchema = z.strictObject(accessShape, { error: 'must be a map with default and rules' });

export type AccessSection = z.output<typeof accessSchema>;

/** The names that the maps of `toolturn.access` may hold, where it has this many rules. */
export function knownAccessKeys(rules: number): Record<string, readonly string[]> {
  const each = Array.from({ length: rules }, (_, index) => `toolturn.access.rules[${index}]`);
  return Object.fromEntries([
    ['toolturn.access', Object.keys(accessShape)],
    ...each.map((rule) => [rule, Object.keys(ruleShape)]),
    ...each.map((rule) => [`${rule}.tools`, ['allow', 'deny']]),
  ]) as Record<string, readonly string[]>;
}
