import { holdsHidden, withoutHidden } from './hidden-text';
import { isJsonObject, type Json, type JsonObject } from './json';
import type { HostTool } from './ports';
import type { ToolSettings } from './servers';

/**
 * A tool as it is offered: under the name and description that the config gives it, without the arguments that are
 * fixed, and without characters that nobody sees. Undefined where the config switches it off.
 */
export function withOverrides(tool: HostTool, settings: ToolSettings | undefined): HostTool | undefined {
  if (settings?.enabled === false) return undefined;
  const description = settings?.description ?? tool.description;
  const inputSchema = withoutHiddenText(withoutFixed(tool.inputSchema, settings?.arguments));
  return {
    ...tool,
    ...(settings === undefined ? {} : { settings }),
    ...(settings?.name === undefined ? {} : { shownAs: settings.name }),
    ...(description === undefined ? {} : { description: withoutHidden(description) }),
    inputSchema,
    ...(inputSchema === tool.inputSchema ? {} : { serverSchema: tool.inputSchema }),
  };
}

/** The arguments as the server gets them: fixed ones take the place of whatever the model wrote there. */
export function withFixed(given: JsonObject, fixed: JsonObject | undefined): JsonObject {
  return fixed === undefined ? given : { ...given, ...fixed };
}

/** The schema without some of its fields; the same object where there is nothing to take out. */
function withoutFixed(schema: JsonObject, fixed: JsonObject | undefined): JsonObject {
  const names = new Set(Object.keys(fixed ?? {}));
  if (names.size === 0) return schema;
  const { properties, required, ...rest } = schema;
  return {
    ...rest,
    ...(isJsonObject(properties)
      ? { properties: Object.fromEntries(Object.entries(properties).filter(([name]) => !names.has(name))) }
      : {}),
    ...(Array.isArray(required)
      ? { required: required.filter((name) => typeof name !== 'string' || !names.has(name)) }
      : {}),
  };
}

/** A schema stays as it is, the very object, but where its texts hold what nobody sees. */
function withoutHiddenText(schema: JsonObject): JsonObject {
  return holdsHidden(unescaped(schema)) ? (cleaned(schema) as JsonObject) : schema;
}

/** All texts of a value, to be looked through at once. Control characters are escaped in JSON, so they are made visible. */
function unescaped(value: JsonObject): string {
  return JSON.stringify(value).replace(/\\u00[0189][0-9a-f]/g, '\x00');
}

function cleaned(value: Json | undefined): Json | undefined {
  if (typeof value === 'string') return withoutHidden(value);
  if (Array.isArray(value)) return value.map((each) => cleaned(each) ?? null);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cleaned(each)]));
}
