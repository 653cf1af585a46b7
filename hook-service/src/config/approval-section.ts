import { z } from 'zod';
import { defaultExpirySeconds, type ApprovalRule } from '../core/approval-policy';
import type { ServerConfig } from '../core/servers';
import { checkTools, serversNamed } from './access';
import type { Context } from './check';
import { duration, texts } from './fields';
import { hashRawKey } from './hashes';

const ruleShape = {
  tools: texts
    .optional()
    .describe('tools (`server__tool`) with such a name; `*` stands for any text')
    .meta({ example: ['fs__delete_*', '*__send_*'] }),
  servers: texts
    .optional()
    .describe('tools of these servers, by name or alias; with `tools`, only those that are both')
    .meta({ example: ['db'] }),
  keys: texts
    .transform((keys) => keys.map(hashRawKey))
    .optional()
    .describe('only calls of these keys: alias, SHA-256 in hex, or the key itself; without it everybody’s')
    .meta({ example: ['interns'] }),
  expires: duration(1, 86_400)
    .default(defaultExpirySeconds)
    .describe('how long a question waits for its answer'),
};

/** Schema of `toolturn.approval`; whether the names in it exist is seen later, in `compileApproval`. */
export const approvalSchema = z
  .array(z.strictObject(ruleShape, { error: 'must be a map with tools or servers, keys and expires' }), {
    error: 'must be a list of rules',
  })
  .default([]);

export type ApprovalSection = z.output<typeof approvalSchema>;

/** The names that the maps of `toolturn.approval` may hold, where it has this many rules. */
export function knownApprovalKeys(rules: number): Record<string, readonly string[]> {
  const each = Array.from({ length: rules }, (_, index) => `toolturn.approval[${index}]`);
  return Object.fromEntries(each.map((rule) => [rule, Object.keys(ruleShape)]));
}

/** Looks up the names in `toolturn.approval`. One that does not exist is an error: a call would run that should wait. */
export function compileApproval(
  section: ApprovalSection,
  servers: readonly ServerConfig[],
  context: Context,
): ApprovalRule[] {
  return section.map(({ tools, servers: named, keys, expires }, index) => {
    const path = ['toolturn', 'approval', index];
    if (tools === undefined && named === undefined) {
      const at = context.values.markOf(path);
      context.problems.error(path, at, 'says of no tool that it asks; give tools: or servers:');
    }
    checkTools(tools ?? [], [...path, 'tools'], servers, context);
    return {
      expiresSeconds: expires,
      ...(tools === undefined ? {} : { tools }),
      ...(keys === undefined ? {} : { keys }),
      ...(named === undefined
        ? {}
        : { servers: serversNamed(named, [...path, 'servers'], servers, context) }),
    };
  });
}
