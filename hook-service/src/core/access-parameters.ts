/** Allow-lists of argument values: what they come to for one tool, in its schema and in a call. */
import type { OfferedTool } from './dialect';
import { isJsonObject, type Json, type JsonObject } from './json';

export type Scalar = string | number | boolean;

/** The values that an argument may have. */
export interface ParameterLimit {
  readonly argument: string;
  readonly values: readonly Scalar[];
}

/** One limit per argument: where several rows name the same one, a value has to stand in all of them. */
export function limitsOf(rows: readonly ParameterLimit[]): readonly ParameterLimit[] {
  const limits = new Map<string, readonly Scalar[]>();
  for (const { argument, values } of rows) {
    const before = limits.get(argument);
    limits.set(argument, before === undefined ? values : before.filter((value) => values.includes(value)));
  }
  return [...limits].map(([argument, values]) => ({ argument, values }));
}

/**
 * The tool with the limits written into its schema, so that the model knows them: `enum` where every way in which
 * the tool is granted limits the argument. `ways` are the limits of each grant; a call has to fit one of them.
 */
export function narrowed(tool: OfferedTool, ways: readonly (readonly ParameterLimit[])[]): OfferedTool {
  const common = commonLimits(ways);
  const schema = tool.host.inputSchema;
  const properties = schema['properties'];
  if (common.length === 0 || !isJsonObject(properties)) return tool;
  const limited = common.flatMap(({ argument, values }) => {
    const property = Object.hasOwn(properties, argument) ? properties[argument] : undefined;
    return isJsonObject(property) ? [[argument, withEnum(property, values)] as const] : [];
  });
  if (limited.length === 0) return tool;
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const inputSchema: JsonObject = {
    ...schema,
    properties: { ...properties, ...Object.fromEntries(limited) },
    required: [...new Set([...required, ...limited.map(([argument]) => argument)])],
  };
  // What the model sees is narrowed; arguments are compared with what the server wrote, and then `violation` decides.
  return { ...tool, host: { ...tool.host, inputSchema, serverSchema: tool.host.serverSchema ?? schema } };
}

/** Why these arguments fit none of the ways in which the tool is granted; undefined where they fit one. */
export function violation(
  ways: readonly (readonly ParameterLimit[])[],
  args: JsonObject,
): string | undefined {
  const wrong = ways.map((limits) => limits.find((limit) => !fits(limit, args)));
  if (ways.length === 0) return 'it is not available';
  if (wrong.includes(undefined)) return undefined;
  const told = commonLimits(ways).find((limit) => !fits(limit, args));
  if (told === undefined) return 'these arguments are not permitted together';
  const list = told.values.slice(0, 50).map((value) => JSON.stringify(value));
  const choice = list.length === 0 ? 'has no permitted value' : `must be one of ${list.join(', ')}`;
  return `the argument ${JSON.stringify(told.argument)} ${choice}`;
}

/** Arguments that are limited whichever grant is used, with every value that one of them permits. */
function commonLimits(ways: readonly (readonly ParameterLimit[])[]): readonly ParameterLimit[] {
  const [first, ...others] = ways.map(limitsOf);
  return (first ?? []).flatMap(({ argument, values }) => {
    const also = others.map((limits) => limits.find((limit) => limit.argument === argument)?.values);
    if (also.includes(undefined)) return [];
    return [{ argument, values: [...new Set([...values, ...also.flatMap((each) => each ?? [])])] }];
  });
}

/** An argument that is left out could become anything at the server, so a limited one has to be given. */
function fits({ argument, values }: ParameterLimit, args: JsonObject): boolean {
  const given = Object.hasOwn(args, argument) ? args[argument] : undefined;
  if (Array.isArray(given)) return given.length > 0 && given.every((each) => isOneOf(each, values));
  return isOneOf(given, values);
}

function isOneOf(value: Json | undefined, values: readonly Scalar[]): boolean {
  return (
    (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') &&
    values.includes(value)
  );
}

function withEnum(property: JsonObject, values: readonly Scalar[]): JsonObject {
  const { items } = property;
  if (property['type'] === 'array' && isJsonObject(items)) {
    return { ...property, items: withEnum(items, values) };
  }
  const before = property['enum'];
  const both = Array.isArray(before) ? before.filter((each) => isOneOf(each, values)) : [...values];
  return { ...property, enum: both };
}
