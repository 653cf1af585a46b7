import { isJsonObject, type JsonObject } from '../core/json';
import { encodeHeader, type Headers } from './http-headers';

/** An argument that its tool wants repeated in a header `Mcp-Param-<header>` (2026-07-28, `x-mcp-header`). */
export interface HeaderParam {
  /** Where the argument stands: names of properties, from the outermost. */
  readonly path: readonly string[];
  readonly header: string;
}

const keyword = 'x-mcp-header';
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const types = ['string', 'integer', 'boolean'];
/** A schema that goes deeper is not searched: nobody could call such a tool, and the search must end. */
const depthLimit = 64;

/**
 * The arguments of a tool that go into headers too. Returns why the definition is invalid, in words, where it is: such a
 * tool must not be offered over streamable HTTP (2026-07-28, Transports, "Custom Headers from Tool Parameters").
 */
export function headerParams(schema: JsonObject): readonly HeaderParam[] | string {
  const found: HeaderParam[] = [];
  try {
    collect(schema, [], true, 0, found);
  } catch (error) {
    if (error instanceof InvalidDeclaration) return error.message;
    throw error;
  }
  const names = new Set(found.map(({ header }) => header.toLowerCase()));
  return names.size < found.length ? `${keyword} names the same header twice` : found;
}

/** The headers of one call. An argument that is absent or null has none. */
export function paramHeaders(params: readonly HeaderParam[], args: JsonObject): Headers {
  const headers: Record<string, string> = {};
  for (const { path, header } of params) {
    const value = path.reduce<unknown>((at, key) => (isJsonObject(at) ? at[key] : undefined), args);
    const text = headerText(value);
    if (text !== undefined) headers[`mcp-param-${header.toLowerCase()}`] = encodeHeader(text);
  }
  return headers;
}

class InvalidDeclaration extends Error {}

/** `reachable`: only `properties` within `properties` lie on the way, so that the argument is at one known place. */
function collect(
  node: unknown,
  path: readonly string[],
  reachable: boolean,
  depth: number,
  found: HeaderParam[],
): void {
  if (typeof node !== 'object' || node === null) return;
  if (depth > depthLimit) throw new InvalidDeclaration(`its schema is deeper than ${depthLimit} levels`);
  if (Array.isArray(node)) {
    for (const each of node) collect(each, path, false, depth + 1, found);
    return;
  }
  const schema = node as JsonObject;
  if (keyword in schema) found.push(declared(schema, path, reachable));
  for (const [key, value] of Object.entries(schema)) {
    if (key === keyword || valueKeywords.has(key)) continue;
    if (key === 'properties' && isJsonObject(value)) {
      for (const [name, child] of Object.entries(value))
        collect(child, [...path, name], reachable, depth + 1, found);
    } else if (schemaMaps.has(key) && isJsonObject(value)) {
      for (const child of Object.values(value)) collect(child, path, false, depth + 1, found);
    } else {
      collect(value, path, false, depth + 1, found);
    }
  }
}

/** Keywords whose value is data and no schema: what looks like a declaration in it is none. */
const valueKeywords = new Set(['default', 'examples', 'enum', 'const']);
/** Keywords whose value maps names to schemas. */
const schemaMaps = new Set(['patternProperties', 'dependentSchemas', '$defs', 'definitions']);

function declared(schema: JsonObject, path: readonly string[], reachable: boolean): HeaderParam {
  const header = schema[keyword];
  const at = path.length === 0 ? 'the schema itself' : `"${path.join('.')}"`;
  if (!reachable || path.length === 0) {
    throw new InvalidDeclaration(`${keyword} stands at ${at}, where no single argument is meant`);
  }
  if (typeof header !== 'string' || !token.test(header)) {
    throw new InvalidDeclaration(`${keyword} of ${at} is no name of a header`);
  }
  if (typeof schema['type'] !== 'string' || !types.includes(schema['type'])) {
    throw new InvalidDeclaration(`${keyword} of ${at} needs the type ${types.join(', ')}`);
  }
  return { path, header };
}

function headerText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  // Beyond the safe integers the header and the body could say two things.
  return Number.isSafeInteger(value) ? String(value) : undefined;
}
