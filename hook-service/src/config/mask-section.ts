import { z } from 'zod';
import { patternProblem } from '../core/secret-patterns';
import { text, texts } from './fields';

/** Compiled at once, so that a wrong one is told of with its place. */
const secretPattern = z
  .string({ error: 'must be a regular expression such as "tok_[0-9a-f]{32}"; put it in quotes' })
  .min(1, { error: 'must not be empty' })
  .max(2000, { error: 'must not be longer than 2000 characters' })
  .superRefine((value, context) => {
    const problem = value === '' || value.length > 2000 ? undefined : patternProblem(value);
    if (problem !== undefined)
      context.addIssue({
        code: 'custom',
        message: `is no regular expression of RE2 that can be used: ${problem}`,
      });
  })
  .meta({ format: 'regex' });

const maskShape = {
  name: z
    .string({ error: 'must be a short name' })
    .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, {
      error: 'must be a name of letters, digits, "-", "_" and ".", at most 64 of them',
    })
    .describe('what metrics and the audit trail call it')
    .meta({ example: 'ticket-token' }),
  pattern: secretPattern
    .describe('a regular expression in RE2’s syntax: no lookarounds, no backreferences')
    .meta({ example: 'tok_[0-9a-f]{32}' }),
  tools: texts
    .optional()
    .describe('tool names (`server__tool`) or globs with `*`; without it every text is looked through')
    .meta({ example: ['crm__*'] }),
  replace: text
    .max(200, { error: 'must not be longer than 200 characters' })
    .optional()
    .describe('what takes its place; `$1` is what the first group found')
    .meta({ example: '[ticket]' }),
};

/** Schema of `toolturn.mask`: secrets by their form. */
export const maskSchema = z
  .array(z.strictObject(maskShape, { error: 'must be a map with name and pattern' }), {
    error: 'must be a list of maps with name and pattern',
  })
  .max(100, { error: 'must not have more than 100 patterns' })
  .superRefine((patterns, context) => {
    const names = patterns.map(({ name }) => name);
    for (const [index, name] of names.entries())
      if (names.indexOf(name) < index)
        context.addIssue({
          code: 'custom',
          path: [index, 'name'],
          message: 'is the name of another pattern too',
        });
  });

/** The names that each entry may hold, for messages about those it may not. */
export function knownMaskKeys(patterns: number): Record<string, readonly string[]> {
  return Object.fromEntries(
    Array.from({ length: patterns }, (_, index) => [`toolturn.mask[${index}]`, Object.keys(maskShape)]),
  );
}
