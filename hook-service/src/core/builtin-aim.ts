import { parseArguments } from './arguments';
import { builtinNames, isBuiltin, type BuiltinTool, type OurTool, type Reach } from './builtin';
import { runReadMore, runSearch, textResult } from './builtin-run';
import type { ToolCall } from './dialect';
import { isJsonObject, type JsonObject } from './json';
import type { Limits } from './limits';
import type { CallAccess } from './offer';
import type { HostTool, Scope, TextStore, ToolResult } from './ports';

/** A call that goes to a server. */
export interface Aim {
  readonly tool: HostTool;
  /** The name under which the tool stands in the catalog. */
  readonly name: string;
  readonly arguments: JsonObject;
}

/** What there is to aim at in a turn. */
interface Range {
  readonly scope: Scope;
  readonly access: CallAccess;
  readonly resolve: (name: string) => OurTool | undefined;
}

/** The tool of a server that a call is for; or the result, where the call is for a tool of ours or for nothing. */
export async function aimOf(
  deps: { readonly limits: Limits; readonly texts?: TextStore },
  range: Range,
  call: ToolCall,
): Promise<Aim | ToolResult> {
  const catalog = searchedCatalog(range);
  // Models call a tool that they have found by its own name too: that is as good as through `call_tool`.
  const tool = range.resolve(call.name) ?? catalog?.find(call.name);
  if (tool === undefined) return unknownTool(call.name, catalog, range.access);
  const parsed = parseArguments(call.arguments);
  if (!parsed.ok) return notRun(call.name, `${parsed.reason}. Call it again with a JSON object`);
  if (!isBuiltin(tool)) return { tool, name: call.name, arguments: parsed.value };
  const { resultBytes } = deps.limits;
  switch (tool.builtin) {
    case 'call_tool':
      return throughCallTool(tool.reach, parsed.value, range.access);
    case 'search_tools':
      return runSearch(tool.reach, parsed.value, resultBytes);
    case 'read_more':
      return runReadMore(deps.texts, range.scope, call.name, parsed.value, resultBytes);
  }
}

/** What can be reached through `call_tool`, where this turn has it. */
function searchedCatalog(range: Range): Reach | undefined {
  return builtinNames('call_tool')
    .map((name) => range.resolve(name))
    .find((tool): tool is BuiltinTool => tool !== undefined && isBuiltin(tool))?.reach;
}

function throughCallTool(reach: Reach, args: JsonObject, access: CallAccess): Aim | ToolResult {
  const { name, arguments: given } = args;
  if (typeof name !== 'string' || name === '') {
    return textResult('Give the name of a tool in "name".', 'invalid_arguments');
  }
  const tool = reach.find(name);
  if (tool === undefined) return unknownTool(name, reach, access);
  if (given === undefined || given === null) return { tool, name, arguments: {} };
  if (isJsonObject(given)) return { tool, name, arguments: given };
  // Some models write an object as text.
  const parsed = parseArguments(typeof given === 'string' ? given : JSON.stringify(given));
  return parsed.ok ? { tool, name, arguments: parsed.value } : notRun(name, parsed.reason);
}

function notRun(name: string, reason: string): ToolResult {
  return textResult(`The tool ${name} was not run: ${reason}.`, 'invalid_arguments');
}

/** A tool that the caller may not use reads like one that does not exist; the log tells them apart. */
function unknownTool(name: string, catalog: Reach | undefined, access: CallAccess): ToolResult {
  const nearest = catalog?.nearest(name) ?? [];
  const advice =
    nearest.length === 0
      ? 'Use only the tools that are listed.'
      : `The nearest names are: ${nearest.join(', ')}. Search for others.`;
  const failure = access.denied(name) === undefined ? 'unknown_tool' : 'denied';
  return textResult(`Unknown tool ${name.slice(0, 80)}: it is not available. ${advice}`, failure);
}
