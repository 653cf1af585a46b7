/** Which of the offered tools can be tried without knowing anything of it, and with which arguments. */
import { isRecord } from './json';
import type { ModelRequest, ScriptedToolCall } from './scripted-reply';

/** How the question begins that asks for a try. */
export const tryOutStart = 'Call one tool of the server';

/** What a tool is called that only looks. */
const looks = /(^|__)(list|get|read|show|search|find|describe|query|count|echo|ping|health)/i;

/** A call that changes nothing, as far as a name can tell; tools that need no argument come first. */
export function harmlessCall(request: ModelRequest): ScriptedToolCall | undefined {
  const tools: unknown[] = Array.isArray(request.body.tools) ? request.body.tools : [];
  const possible = tools
    .map((tool) => (isRecord(tool) && isRecord(tool.function) ? tool.function : {}))
    .filter(({ name }) => typeof name === 'string' && looks.test(name))
    .flatMap(({ name, parameters }) => {
      const values = simplest(parameters);
      return values === undefined ? [] : [{ name: String(name), arguments: values }];
    });
  return possible.find((call) => Object.keys(call.arguments).length === 0) ?? possible[0];
}

/** Values for what a schema requires: plain texts and numbers only, nothing that would have to be guessed. */
function simplest(schema: unknown): Record<string, unknown> | undefined {
  if (!isRecord(schema) || !Array.isArray(schema.required)) return {};
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const values: Record<string, unknown> = {};
  for (const name of schema.required.map(String)) {
    const type = isRecord(properties[name]) ? properties[name].type : undefined;
    if (type === 'string' && /text|message|query|q$/i.test(name)) values[name] = 'test';
    else if (type === 'number' || type === 'integer') values[name] = 1;
    else return undefined;
  }
  return values;
}
