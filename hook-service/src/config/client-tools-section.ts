import { z } from 'zod';
import type { ClientToolPolicy } from '../core/client-tools';
import { callersShape } from './callers-shape';
import { filledText, texts } from './fields';

const ruleShape = {
  ...callersShape,
  allow: texts
    .optional()
    .describe('grants tools with such a name; `*` stands for any text')
    .meta({ example: ['Read', 'Grep'] }),
  deny: texts
    .default([])
    .describe('never tools with such a name, whatever grants them')
    .meta({ example: ['*shell*'] }),
};

const rule = z
  .strictObject(ruleShape, { error: 'must be a map that says who may use what' })
  .refine(({ keys, teams, users }) => keys.length + teams.length + users.length > 0, {
    error: 'names nobody; give keys:, teams: or users: ("*" is everybody)',
  })
  .refine(({ allow, deny }) => allow !== undefined || deny.length > 0, {
    error: 'grants and denies nothing; give allow: or deny:',
  });

const clientToolsShape = {
  default: z
    .enum(['all', 'none'], { error: 'must be all or none' })
    .default('all')
    .describe('what a caller’s clients may use to whom no rule grants anything'),
  rules: z
    .array(rule, { error: 'must be a list of rules' })
    .default([])
    .describe(
      'who may use which tools of a client’s own; the grants of all rules that fit a caller add up, and every `deny` wins',
    ),
  urls: z
    .record(filledText, z.enum(['public', 'lan'], { error: 'must be public or lan' }), {
      error: 'must be a map of tools to public or lan',
    })
    .default({})
    .describe('tool or glob: how far addresses in its calls may lead; the first one that fits counts')
    .meta({ example: { '*fetch*': 'public' } }),
  hidden_text: z
    .enum(['keep', 'strip'], { error: 'must be keep or strip' })
    .default('keep')
    .describe('whether characters that nobody sees are taken out of what a client sends'),
};

/** Schema of `toolturn.client_tools`: what clients may do with tools of their own. */
export const clientToolsSchema = z
  .strictObject(clientToolsShape, { error: 'must be a map with rules, urls and hidden_text' })
  .transform((section): ClientToolPolicy => ({
    byDefault: section.default,
    rules: section.rules.map(({ allow, ...each }) => ({
      ...each,
      ...(allow === undefined ? {} : { allow }),
    })),
    urls: Object.entries(section.urls).map(([pattern, reach]) => ({ pattern, reach })),
    stripsHidden: section.hidden_text === 'strip',
  }));

export const knownClientToolsKeys = Object.keys(clientToolsShape);

/** The names that each rule may hold, where there are so many. */
export const knownClientRuleKeys = (rules: number): Record<string, readonly string[]> =>
  Object.fromEntries(
    Array.from({ length: rules }, (_, at) => [`toolturn.client_tools.rules[${at}]`, Object.keys(ruleShape)]),
  );
