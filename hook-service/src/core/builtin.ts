import type { OfferedTool } from './dialect';
import type { JsonObject } from './json';
import type { HostTool } from './ports';

/** Tools of our own, which stand beside those of the servers. */
export type Builtin = 'search_tools' | 'call_tool' | 'read_more';

/** What a caller can reach of the catalog in a turn; bound to the caller and to what the request selected. */
export interface Reach {
  /** The tool of that name. */
  find(name: string): HostTool | undefined;
  /** The best tools for these words; without words, the first ones. */
  search(words: string, limit: number, server?: string): readonly OfferedTool[];
  /** Names like this one. */
  nearest(name: string): readonly string[];
  /** The servers of all these tools, in the order of the catalog. */
  servers(): readonly string[];
}

/** A tool of ours, as it is run. */
export interface BuiltinTool extends HostTool {
  readonly builtin: Builtin;
  readonly reach: Reach;
}

/** What stands behind an offered name. */
export type OurTool = HostTool | BuiltinTool;

/** Under which server our own tools are reported. */
export const builtinServer = 'toolturn';

const prefix = `${builtinServer}__`;

/** How many tools one search gives. */
export const searchLimits = { usual: 5, most: 20 } as const;

/** Longest list of servers in the description of `search_tools`, in characters. */
const serverListLength = 1000;

/** True for a tool of ours. */
export function isBuiltin(tool: OurTool): tool is BuiltinTool {
  return 'builtin' in tool;
}

/** The tool of ours that may stand under this name. */
export function builtinOf(name: string): Builtin | undefined {
  const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  return bare === 'search_tools' || bare === 'call_tool' || bare === 'read_more' ? bare : undefined;
}

/** The names under which a tool of ours may be offered: the client's own tools keep theirs. */
export function builtinNames(builtin: Builtin): readonly [string, string] {
  return [builtin, `${prefix}${builtin}`];
}

/** The definition of `search_tools`, with the servers there are. */
export function searchTools(servers: readonly string[], callName: string): HostTool {
  return {
    ...definition(
      'search_tools',
      `Finds tools by what you want to do. There are many more tools than are listed here: search before you say that something cannot be done. Gives each tool's name, description and input_schema; run it with ${callName}. Servers: ${serverList(servers)}.`,
      {
        query: { type: 'string', description: 'What the tool should do, in a few words.' },
        server: { type: 'string', description: 'Only tools of this server.' },
        limit: { type: 'integer', description: `How many, up to ${searchLimits.most}.` },
      },
      ['query'],
    ),
    annotations: { readOnlyHint: true },
  };
}

/** The definition of `call_tool`. */
export function callTool(searchName: string): HostTool {
  return definition(
    'call_tool',
    `Runs a tool that ${searchName} has found.`,
    {
      name: { type: 'string', description: `The tool's name as ${searchName} gave it.` },
      arguments: { type: 'object', description: "Arguments as the tool's input_schema says." },
    },
    ['name', 'arguments'],
  );
}

/** The definition of `read_more`. Tiny: once a result was cut it goes along for the rest of the conversation. */
export function readMore(): HostTool {
  return {
    ...definition(
      'read_more',
      'Gives the next piece of a tool result that was cut.',
      { handle: { type: 'string' }, offset: { type: 'integer' } },
      ['handle', 'offset'],
    ),
    annotations: { readOnlyHint: true },
  };
}

/** A tool of ours, ready to be run in one turn. */
export function runnable(builtin: Builtin, reach: Reach): BuiltinTool {
  return { server: builtinServer, tool: builtin, inputSchema: { type: 'object' }, builtin, reach };
}

function definition(
  tool: Builtin,
  description: string,
  properties: JsonObject,
  required: string[],
): HostTool {
  return {
    server: builtinServer,
    tool,
    description,
    inputSchema: { type: 'object', properties, required },
  };
}

function serverList(servers: readonly string[]): string {
  const shown: string[] = [];
  let length = 0;
  for (const server of servers) {
    length += server.length + 2;
    if (length > serverListLength) return `${shown.join(', ')} and ${servers.length - shown.length} more`;
    shown.push(server);
  }
  return shown.join(', ');
}
