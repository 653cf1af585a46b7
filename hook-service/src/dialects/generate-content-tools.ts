import type { ClientTools, OfferedTool, Patch } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { field, nameOf, objectField, without } from './generate-content-parts';

/**
 * Tools of the Gemini API (https://ai.google.dev/api/caching#Tool). `tools` is a list of entries, each with
 * function declarations or with a tool that runs at the provider. Some Gemini backends read one entry with
 * declarations only, so ours are put behind the client's into the same entry, and what is counted is declarations.
 */

/** Entries that run at the provider: the model never asks the client to run them. */
const builtIn =
  /^(?:google_?search(?:_?retrieval)?|google_?maps|code_?execution|url_?context|file_?search|enterprise_?web_?search|retrieval)$/i;
const declarationFields = ['functionDeclarations', 'function_declarations'] as const;

const entriesOf = (body: JsonObject): readonly Json[] => (Array.isArray(body['tools']) ? body['tools'] : []);

/** The field with an entry's declarations, under the name the client uses. */
function declarationField(entry: Json): (typeof declarationFields)[number] | undefined {
  return isJsonObject(entry) ? declarationFields.find((name) => Array.isArray(entry[name])) : undefined;
}

function declarationsIn(entry: Json): readonly JsonObject[] {
  const name = declarationField(entry);
  const list = name === undefined || !isJsonObject(entry) ? undefined : entry[name];
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

const declarationsOf = (body: JsonObject): readonly JsonObject[] => entriesOf(body).flatMap(declarationsIn);

/** What an entry holds beside declarations. */
function otherKinds(entry: Json): string[] {
  if (!isJsonObject(entry)) return ['unknown'];
  return Object.entries(entry)
    .filter(([name, value]) => value !== null && !declarationFields.some((each) => each === name))
    .map(([name]) => name);
}

const callingConfig = (body: JsonObject): JsonObject | undefined => {
  const config = objectField(body, 'toolConfig');
  return config === undefined ? undefined : objectField(config, 'functionCallingConfig');
};

/** `NONE`, `ANY`, … in capitals; `AUTO` where nothing is said. */
function modeOf(body: JsonObject): string {
  const mode = callingConfig(body)?.['mode'];
  return typeof mode === 'string' ? mode.toUpperCase() : 'AUTO';
}

function refusal(body: JsonObject, declared: number, kinds: readonly string[]): string | undefined {
  const { tools } = body;
  if (!Array.isArray(body['contents'])) return 'the request has no contents';
  if (tools !== undefined && tools !== null && tools !== 'auto' && !Array.isArray(tools))
    return 'tools is not a list';
  const generation = objectField(body, 'generationConfig') ?? {};
  const candidates = field(generation, 'candidateCount');
  if (typeof candidates === 'number' && candidates > 1) return 'candidateCount is above 1';
  const config = callingConfig(body) ?? {};
  const allowed = field(config, 'allowedFunctionNames');
  if (modeOf(body) === 'NONE') return 'the function calling mode is NONE';
  // The client insists on a call of its own tools: an offer of ours could only take its place.
  if (declared > 0 && modeOf(body) === 'ANY')
    return 'the function calling mode asks for a tool of the client';
  if (Array.isArray(allowed) && allowed.length > 0) return 'allowedFunctionNames names tools of the client';
  if (field(config, 'streamFunctionCallArguments') === true) return 'calls are streamed in pieces';
  // From here on: requests that work as they are, and that Gemini refuses with 400 once a function is declared.
  if (field(body, 'cachedContent') !== undefined) return 'cachedContent allows no tools in the request';
  if (declared > 0) return undefined;
  if (kinds.length > 0) return 'tools of the provider cannot stand beside functions';
  if (field(generation, 'responseMimeType') === 'application/json')
    return 'an answer in JSON allows no tools';
  const modalities = field(generation, 'responseModalities');
  if (Array.isArray(modalities) && modalities.some((each) => each !== 'TEXT'))
    return 'models that answer with more than text take no tools';
  return undefined;
}

/** What the request says about tools. */
export function readClientTools(body: JsonObject): ClientTools {
  const declarations = declarationsOf(body);
  const kinds = entriesOf(body).flatMap(otherKinds);
  const reason = refusal(body, declarations.length, kinds);
  return {
    ...(reason === undefined ? {} : { refusal: reason }),
    requested: body['tools'] === 'auto',
    count: declarations.length,
    names: new Set(declarations.map(nameOf)),
    opaque: kinds.some((kind) => !builtIn.test(kind)),
  };
}

/** Gemini reads plain JSON Schema under `parametersJsonSchema`; `parameters` takes a subset of OpenAPI only. */
function declaration(tool: OfferedTool): JsonObject {
  return {
    name: tool.name,
    ...(tool.host.description === undefined ? {} : { description: tool.host.description }),
    parametersJsonSchema: { type: 'object', properties: {}, ...tool.host.inputSchema },
  };
}

/** Adds our declarations behind the client's, in its own last entry with declarations, else in one of our own. */
export function offerTools(body: JsonObject, tools: readonly OfferedTool[]): Patch {
  const entries = entriesOf(body);
  const declarations = tools.map(declaration);
  const last = entries.findLastIndex((entry) => declarationField(entry) !== undefined);
  const entry = entries[last];
  const name = entry === undefined ? undefined : declarationField(entry);
  if (name === undefined || !isJsonObject(entry)) {
    return { set: { tools: [...entries, { functionDeclarations: declarations }] }, remove: [] };
  }
  const list = Array.isArray(entry[name]) ? entry[name] : [];
  return { set: { tools: entries.with(last, { ...entry, [name]: [...list, ...declarations] }) }, remove: [] };
}

/** Names of the declarations behind the first `clientCount`. */
export function offeredNames(body: JsonObject, clientCount: number): ReadonlySet<string> {
  return new Set(declarationsOf(body).slice(clientCount).map(nameOf));
}

/** The request with the first `clientCount` declarations only; without `tools` where nothing is left. */
export function withdrawTools(body: JsonObject, clientCount: number): JsonObject {
  let left = clientCount;
  const entries = entriesOf(body).flatMap((entry) => {
    const name = declarationField(entry);
    if (name === undefined || !isJsonObject(entry)) return [entry];
    const kept = declarationsIn(entry).slice(0, left);
    left -= kept.length;
    if (kept.length > 0) return [{ ...entry, [name]: kept }];
    const rest = without(entry, 'functionDeclarations');
    return Object.keys(rest).length === 0 ? [] : [rest];
  });
  return entries.length > 0 ? { ...unforced(body), tools: entries } : without(withoutCalling(body), 'tools');
}

/** A call that was forced once would be forced for ever: `ANY` goes, the model decides from here on. */
export function unforced(body: JsonObject): JsonObject {
  return modeOf(body) === 'ANY' ? withoutCalling(body) : body;
}

/** The request with tools declared but forbidden. */
export function forbidTools(body: JsonObject): JsonObject {
  const rest = withoutCalling(body);
  return {
    ...rest,
    toolConfig: { ...objectField(rest, 'toolConfig'), functionCallingConfig: { mode: 'NONE' } },
  };
}

/** Without `functionCallingConfig`, and without `toolConfig` where that leaves it empty. */
function withoutCalling(body: JsonObject): JsonObject {
  const config = objectField(body, 'toolConfig');
  if (config === undefined) return body;
  const others = without(config, 'functionCallingConfig');
  const rest = without(body, 'toolConfig');
  return Object.keys(others).length === 0 ? rest : { ...rest, toolConfig: others };
}
