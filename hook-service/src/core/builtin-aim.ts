import { parseArguments } from './arguments';
import { builtinNames, isBuiltin, type BuiltinTool, type OurTool, type Reach } from './builtin';
import { runReadMore, runSearch, textResult } from './builtin-run';
import type { Aim } from './call-path';
import type { ToolCall } from './dialect';
import { isJsonObject, type JsonObject } from './json';
import type { Limits } from './limits';
import type { CallAccess } from './offer';
import type { HostTool, Scope, TextStore, ToolResult } from './ports';

/** What there is to aim at in a turn. */
interface Range {
  readonly scope: Scope;
  readonly access: CallAccess;
  readonly resolve: (name: string) => OurTool | undefined;
}

/** What finding the aim of a call needs. */
export interface AimDeps {
  readonly limits: Limits;
  readonly texts?: TextStore;
}

/**
 * The tool of a server that a call is for, with the arguments that the model wrote; or the result, where the call is
 * for a tool of ours, for nothing, or has arguments that cannot be read.
 */
export async function aimOf(deps: AimDeps, range: Range, call: ToolCall): Promise<Aim | ToolResult> {
  const catalog = searchedCatalog(range);
  // Models call a tool that they have found by its own name too: that is as good as through `call_tool`.
  const tool = range.resolve(call.name) ?? catalog?.find(call.name);
  if (tool === undefined) return unknownTool(call.name, catalog, range.access);
  const parsed = parseArguments(call.arguments);
  if (!parsed.ok) return notRun(call.name, `${parsed.reason}. Call it again with a JSON object`);
  if (!isBuiltin(tool)) return aimAt(tool, call.name, parsed.value);
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

function aimAt(tool: HostTool, name: string, asked: JsonObject): Aim {
  return { tool, name, arguments: asked, asked };
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
  if (given === undefined || given === null) return aimAt(tool, name, {});
  if (isJsonObject(given)) return aimAt(tool, name, given);
  // Some models write an object as text.
  const parsed = parseArguments(typeof given === 'string' ? given : JSON.stringify(given));
  return parsed.ok ? aimAt(tool, name, parsed.value) : notRun(name, parsed.reason);
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
