import { fitArguments } from './argument-fit';
import { parseArguments } from './arguments';
import { builtinNames, isBuiltin, type BuiltinTool, type OurTool, type Reach } from './builtin';
import { runReadMore, runSearch, textResult } from './builtin-run';
import type { ToolCall } from './dialect';
import { isJsonObject, type JsonObject } from './json';
import type { Limits } from './limits';
import type { CallAccess } from './offer';
import type { ArgumentChecker, HostTool, Scope, TextStore, ToolResult } from './ports';
import { withFixed } from './tool-overrides';

/** A call that goes to a server. */
export interface Aim {
  readonly tool: HostTool;
  /** The name under which the tool stands in the catalog. */
  readonly name: string;
  /** As the server gets them. */
  readonly arguments: JsonObject;
  /** As the model asked for them: without what the config fixes, which nobody is shown. */
  readonly asked: JsonObject;
}

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
  /** Absent: arguments are not compared with schemas. */
  readonly checker?: ArgumentChecker;
}

/**
 * The tool of a server that a call is for, with arguments that fit it; or the result, where the call is for a tool of
 * ours, for nothing, or has arguments that the server must not see.
 */
export async function aimOf(deps: AimDeps, range: Range, call: ToolCall): Promise<Aim | ToolResult> {
  const aim = await meantBy(deps, range, call);
  return 'tool' in aim ? fitted(deps, aim) : aim;
}

/** The arguments as the server gets them: with those the config fixes, and repaired where that is safe. */
async function fitted({ checker }: AimDeps, aim: Aim): Promise<Aim | ToolResult> {
  const { tool, name } = aim;
  const given = withFixed(aim.arguments, tool.settings?.arguments);
  if (checker === undefined) return { ...aim, arguments: given };
  const about = { server: tool.server, tool: tool.tool };
  const fit = await fitArguments(
    { check: (schema, value) => checker.check(schema, value, about) },
    tool.serverSchema ?? tool.inputSchema,
    given,
    new Set(Object.keys(tool.settings?.arguments ?? {})),
  );
  if (!fit.ok) return notRun(name, `${fit.reason}. Correct the arguments and call it again`);
  return { ...aim, arguments: fit.value };
}

async function meantBy(deps: AimDeps, range: Range, call: ToolCall): Promise<Aim | ToolResult> {
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
