import { z } from 'zod';
import { callersShape } from './callers-shape';
import { filledText, texts } from './fields';

const values = z.array(z.union([z.string(), z.number(), z.boolean()]), {
  error: 'must be a list of the values that the argument may have',
});

const ruleShape = {
  ...callersShape,
  servers: texts
    .optional()
    .describe('grants the tools of these servers, by name or alias; an empty list grants nothing')
    .meta({ example: ['db'] }),
  access_groups: texts
    .optional()
    .describe('grants the tools of the servers in these groups')
    .meta({ example: ['data'] }),
  tools: z
    .strictObject(
      {
        allow: texts
          .optional()
          .describe(
            'of what is granted, only tools (`server__tool`) with such a name; `*` stands for any text',
          )
          .meta({ example: ['web__*'] }),
        deny: texts
          .default([])
          .describe('never tools with such a name, whatever grants them')
          .meta({ example: ['*__delete_*'] }),
      },
      { error: 'must be a map with allow and deny' },
    )
    .describe('tools by name')
    .prefault({}),
  parameters: z
    .record(
      filledText,
      z.record(filledText, values, { error: 'must be a map of arguments to lists of values' }),
      { error: 'must be a map of tools to arguments' },
    )
    .default({})
    .describe('tool: argument: the values that it may have')
    .meta({ example: { db__query: { database: ['sales', 'stock'] } } }),
};

const grantModes = ['honoured', 'required', 'ignored'] as const;

const accessShape = {
  default: z
    .enum(['all', 'none'], { error: 'must be all or none' })
    .optional()
    .describe(
      'what a caller may use to whom no rule grants anything; must be said where there are rules, else `all`',
    )
    .meta({ example: 'none' }),
  litellm_grants: z
    .enum(grantModes, { error: `must be ${grantModes.join(', ')}` })
    .default('honoured')
    .describe(
      'whether LiteLLM’s own grants cut what the config grants; `required`: a caller without any may use nothing',
    ),
  rules: z
    .array(z.strictObject(ruleShape, { error: 'must be a map that says who may use what' }), {
      error: 'must be a list of rules',
    })
    .default([])
    .describe(
      'who may use which tools; the grants of all rules that fit a caller add up, and every `deny` wins',
    ),
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
