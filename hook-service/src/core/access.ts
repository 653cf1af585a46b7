/**
 * Who may use which tools. Three things decide, each can only take away from the one before: what the config grants
 * (`toolturn.access`, and `api_keys` of a server), what LiteLLM itself grants, what the request asks for (selection.ts).
 * docs/access.md says the same in the operator's words.
 */
import { createHash } from 'node:crypto';
import { limitsOf, narrowed, violation, type ParameterLimit } from './access-parameters';
import { mayUse, type Caller, type LiteLLMGrant } from './caller';
import type { OfferedTool } from './dialect';
import type { JsonObject } from './json';
import type { HostTool } from './ports';
import { globPattern } from './search-offer';
import type { ServerConfig } from './servers';

/** `toolturn.access`, compiled: servers are public names, groups are resolved. */
export interface AccessPolicy {
  /** For a caller to whom no rule grants anything. */
  readonly byDefault: 'all' | 'none';
  /** `required`: a caller for whom LiteLLM records no grant may use nothing. `ignored`: LiteLLM's grants do not count. */
  readonly litellmGrants: 'required' | 'honoured' | 'ignored';
  readonly rules: readonly AccessRule[];
}

/** Callers by name. */
export interface CallerNames {
  /** Aliases or hashes (SHA-256 in hex) of keys, ids or aliases of teams, ids of users; `*` is everybody. */
  readonly keys: readonly string[];
  readonly teams: readonly string[];
  readonly users: readonly string[];
}

export interface AccessRule extends CallerNames {
  /** Absent together with `allow`: the rule grants nothing, and its limits hold for what others grant. */
  readonly servers?: readonly string[];
  /** Globs over names as the model sees them. */
  readonly allow?: readonly string[];
  readonly deny: readonly string[];
  readonly parameters: readonly ParameterRule[];
}

/** Values that an argument may have. */
export interface ParameterRule {
  /** Glob over names of tools as the model sees them. */
  readonly tools: string;
  readonly argument: string;
  readonly values: readonly (string | number | boolean)[];
}

/** What one caller may do. */
export interface Permission {
  /** Equal for callers with the same rights, so that what is computed from them can be shared. */
  readonly rights: string;
  /** The tool as this caller gets it, arguments with an allow-list narrowed to it; undefined where it may not use it. */
  permit(tool: OfferedTool): OfferedTool | undefined;
  /** True where the server as a whole is open, and so what it has beside tools: one of some tools only is not. */
  opens(server: string): boolean;
  /** Why the tool may not be run with these arguments, after its name; undefined where it may. */
  refusal(tool: OfferedTool, args: JsonObject): string | undefined;
}

export const openPolicy: AccessPolicy = { byDefault: 'all', litellmGrants: 'honoured', rules: [] };

/** Callers whose rights are remembered. */
const rememberedCallers = 1000;
/** Newer LiteLLM: a key that may use no server, whatever its team may. */
const noServers = 'no-mcp-servers';

/** The one place that says who may use what. Pure: the same caller has the same rights as long as this lives. */
export class Access {
  private readonly known = new Map<string, Permission>();
  private readonly servers: ReadonlyMap<string, ServerConfig>;
  private readonly rules: readonly Rule[];

  constructor(
    private readonly policy: AccessPolicy,
    servers: readonly ServerConfig[],
  ) {
    this.servers = new Map(servers.map((server) => [server.publicName, server]));
    this.rules = policy.rules.map(compile);
  }

  /** The rights of a caller. */
  of(caller: Caller): Permission {
    const facts = factsOf(caller);
    const known = this.known.get(facts);
    const permission = known ?? this.permission(caller);
    // The one used last stands last, and the first one goes.
    this.known.delete(facts);
    this.known.set(facts, permission);
    const [oldest] = this.known.keys();
    if (this.known.size > rememberedCallers && oldest !== undefined) this.known.delete(oldest);
    return permission;
  }

  private permission(caller: Caller): Permission {
    const fitting = this.rules.filter((rule) => rule.fits(caller));
    const granting = fitting.filter((rule) => rule.grants !== undefined);
    const everything = granting.length === 0 && this.policy.byDefault === 'all';
    const keyed = [...this.servers.values()].filter((server) => mayUse(caller, server));
    const open = new Set(keyed.map((server) => server.publicName));
    const levels = this.policy.litellmGrants === 'ignored' ? [] : (caller.grants ?? []);
    const missing = this.policy.litellmGrants === 'required' && levels.length === 0;

    const grantsOf = (tool: OfferedTool): readonly Rule[] =>
      everything ? [unlimited] : granting.filter((rule) => rule.grants?.(tool) === true);
    const isOpen = ({ name, host }: OfferedTool): boolean => {
      const server = this.servers.get(host.server);
      return (
        server !== undefined &&
        !missing &&
        open.has(host.server) &&
        levels.every((level) => covers(level, server, host)) &&
        !fitting.some((rule) => rule.denies(name))
      );
    };
    const alternatives = (tool: OfferedTool): readonly (readonly ParameterLimit[])[] => {
      const always = fitting.flatMap((rule) => (rule.grants === undefined ? rule.limits(tool.name) : []));
      return grantsOf(tool).map((rule) => [...rule.limits(tool.name), ...always]);
    };
    return {
      rights: digest([
        fitting.map((rule) => this.rules.indexOf(rule)),
        everything,
        [...open],
        missing,
        levels,
      ]),
      permit(tool) {
        if (!isOpen(tool)) return undefined;
        const ways = alternatives(tool);
        return ways.length === 0 ? undefined : narrowed(tool, ways);
      },
      opens: (name) => {
        const server = this.servers.get(name);
        const granted = everything || granting.some((rule) => rule.opens(name));
        return (
          server !== undefined &&
          granted &&
          !missing &&
          open.has(name) &&
          levels.every((level) => covers(level, server, undefined))
        );
      },
      refusal: (tool, args) => violation(alternatives(tool), args),
    };
  }
}

interface Rule {
  fits(caller: Caller): boolean;
  /** Absent: the rule grants nothing, it only limits. */
  readonly grants?: (tool: OfferedTool) => boolean;
  /** Grants a server with all it has. */
  opens(server: string): boolean;
  denies(name: string): boolean;
  limits(name: string): readonly ParameterLimit[];
}

const unlimited: Rule = { fits: () => true, opens: () => true, denies: () => false, limits: () => [] };

function compile(rule: AccessRule): Rule {
  const servers = rule.servers === undefined ? undefined : new Set(rule.servers);
  const allow = rule.allow?.map(globPattern);
  const deny = rule.deny.map(globPattern);
  const parameters = rule.parameters.map((each) => ({ ...each, pattern: globPattern(each.tools) }));
  const grants = ({ name, host }: OfferedTool): boolean =>
    (servers?.has(host.server) ?? true) && (allow?.some((pattern) => pattern.test(name)) ?? true);
  return {
    fits: (caller) => namesCaller(rule, caller),
    ...(servers === undefined && allow === undefined ? {} : { grants }),
    opens: (server) => allow === undefined && servers?.has(server) === true,
    denies: (name) => deny.some((pattern) => pattern.test(name)),
    limits: (name) => limitsOf(parameters.filter(({ pattern }) => pattern.test(name))),
  };
}

/** True where one of the names is the caller's. */
export function namesCaller(
  { keys, teams, users }: CallerNames,
  { key, alias, team, teamAlias, user }: Caller,
): boolean {
  // LiteLLM gives the hash of a key; a custom auth function may give the key itself.
  const ownHash = key === undefined ? undefined : createHash('sha256').update(key).digest('hex');
  return names(keys, [alias, key, ownHash]) || names(teams, [team, teamAlias]) || names(users, [user]);
}

function names(listed: readonly string[], own: readonly (string | undefined)[]): boolean {
  return listed.includes('*') || own.some((each) => each !== undefined && listed.includes(each));
}

/** What one level of LiteLLM's grants says of a tool, or of a whole server. Servers are meant by name, alias or LiteLLM's id. */
function covers(level: LiteLLMGrant, server: ServerConfig, tool: HostTool | undefined): boolean {
  if (level.servers.includes(noServers)) return false;
  const ids = [server.publicName, server.name, ...(server.litellmIds ?? [])];
  const listed = ids.flatMap((id) => (Object.hasOwn(level.tools, id) ? (level.tools[id] ?? []) : []));
  if (ids.some((id) => Object.hasOwn(level.tools, id))) {
    return listed.includes('*') || (tool !== undefined && listed.includes(tool.tool));
  }
  return (
    ids.some((id) => level.servers.includes(id)) ||
    level.groups.some((group) => server.accessGroups?.includes(group) === true)
  );
}

/** Everything of a caller that its rights depend on. */
function factsOf({ key, alias, user, team, teamAlias, grants }: Caller): string {
  return digest([key, alias, user, team, teamAlias, grants]);
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}
