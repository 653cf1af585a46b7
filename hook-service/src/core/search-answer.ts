import type { OfferedTool } from './dialect';
import { isJsonObject, type Json, type JsonObject } from './json';

/** More than this about tools is more than a model reads. */
const answerBytes = 24_000;
/** A longer schema is told without its descriptions, and a still longer one by its parameters' names and types. */
const schemaBytes = 6_000;
const descriptionLength = 1_000;

/**
 * What `search_tools` answers: a JSON list of what the model must know to call each tool. About as many tools as fit,
 * and about one at least.
 */
export function searchAnswer(tools: readonly OfferedTool[], maxBytes: number): string {
  const entries: string[] = [];
  let bytes = 0;
  for (const { name, host } of tools) {
    const entry = JSON.stringify({
      name,
      server: host.server,
      description: (host.description ?? '').slice(0, descriptionLength),
      input_schema: shortSchema(host.inputSchema),
    });
    bytes += Buffer.byteLength(entry);
    if (entries.length > 0 && bytes > Math.min(answerBytes, maxBytes)) break;
    entries.push(entry);
  }
  return `[${entries.join(',\n')}]`;
}

function shortSchema(schema: JsonObject): JsonObject {
  if (isShort(schema)) return schema;
  const bare = withoutDescriptions(schema);
  return isJsonObject(bare) && isShort(bare) ? bare : outline(schema);
}

const isShort = (schema: JsonObject): boolean => Buffer.byteLength(JSON.stringify(schema)) <= schemaBytes;

/** The same schema without explanations. A parameter may be called `description`: only texts are explanations. */
function withoutDescriptions(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((each) => withoutDescriptions(each) ?? null);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, each]) => !(name === 'description' && typeof each === 'string'))
      .map(([name, each]) => [name, withoutDescriptions(each)]),
  );
}

function outline(schema: JsonObject): JsonObject {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const named = Object.entries(properties).slice(0, 100);
  return {
    type: 'object',
    properties: Object.fromEntries(
      named.map(([name, each]) => [
        name.slice(0, 64),
        isJsonObject(each) && typeof each['type'] === 'string' ? { type: each['type'] } : {},
      ]),
    ),
    ...(Array.isArray(schema['required']) ? { required: schema['required'].slice(0, 100) } : {}),
    description: 'Shortened: the full schema is too long to be shown.',
  };
}
