import type { AccessPolicy, AccessRule } from '../core/access';
import { openPolicy } from '../core/access';
import type { ServerConfig } from '../core/servers';
import type { AccessSection } from './access-section';
import type { Context } from './check';
import type { Path } from './problems';
import { didYouMean } from './suggest';

type WrittenRule = AccessSection['rules'][number];

const base = ['toolturn', 'access'];

/** Looks up the names in `toolturn.access`. One that does not exist is an error: it would grant less or more than meant. */
export function compileAccess(
  section: AccessSection | undefined,
  servers: readonly ServerConfig[],
  context: Context,
): AccessPolicy {
  if (section === undefined) return openPolicy;
  const { values, problems } = context;
  if (section.default === undefined && section.rules.length > 0) {
    const message =
      'has rules, so it must say default: all or default: none for everybody whom they do not name';
    problems.error(base, values.markOf(base), message);
  }
  return {
    byDefault: section.default ?? 'all',
    litellmGrants: section.litellm_grants,
    rules: section.rules.map((rule, index) => compileRule(rule, [...base, 'rules', index], servers, context)),
  };
}

function compileRule(
  rule: WrittenRule,
  path: Path,
  servers: readonly ServerConfig[],
  context: Context,
): AccessRule {
  const { values, problems } = context;
  const at = values.markOf(path);
  const { keys, teams, users, tools } = rule;
  const parameters = Object.entries(rule.parameters).flatMap(([tool, limits]) =>
    Object.entries(limits).map(([argument, each]) => ({ tools: tool, argument, values: each })),
  );
  if (keys.length + teams.length + users.length === 0) {
    problems.error(path, at, 'names nobody; give keys:, teams: or users: ("*" is everybody)');
  }
  const named = rule.servers !== undefined || rule.access_groups !== undefined;
  const grants = named || tools.allow !== undefined;
  if (!grants && tools.deny.length === 0 && parameters.length === 0) {
    problems.error(
      path,
      at,
      'grants and denies nothing; give servers:, access_groups:, tools: or parameters:',
    );
  }
  checkTools(tools.allow ?? [], [...path, 'tools', 'allow'], servers, context);
  checkTools(tools.deny, [...path, 'tools', 'deny'], servers, context);
  for (const tool of Object.keys(rule.parameters)) {
    checkTool(tool, [...path, 'parameters', tool], servers, context);
  }
  return {
    keys,
    teams,
    users,
    deny: tools.deny,
    parameters,
    ...(tools.allow === undefined ? {} : { allow: tools.allow }),
    ...(named ? { servers: serversOf(rule, path, servers, context) } : {}),
  };
}

/** Public names of the servers that a rule lists by name or alias; `*` is every one. */
export function serversNamed(
  listed: readonly string[],
  path: Path,
  servers: readonly ServerConfig[],
  { values, problems }: Context,
): string[] {
  const found = new Set<string>();
  for (const [index, name] of listed.entries()) {
    const meant =
      name === '*'
        ? servers
        : servers.filter((server) => server.publicName === name || server.name === name).slice(0, 1);
    const at = [...path, index];
    // A server whose entry is wrong was reported for that already.
    if (meant.length === 0 && name !== '*' && !values.has(['mcp_servers', name])) {
      const known = servers.flatMap((server) => [server.publicName, server.name]);
      problems.error(at, values.markOf(at), `is no server of mcp_servers${didYouMean(name, known)}`);
    }
    for (const server of meant) found.add(server.publicName);
  }
  return [...found];
}

/** Public names of all servers that a rule names, by themselves or by their groups. */
function serversOf(
  rule: WrittenRule,
  path: Path,
  servers: readonly ServerConfig[],
  context: Context,
): string[] {
  const { values, problems } = context;
  const found = new Set(serversNamed(rule.servers ?? [], [...path, 'servers'], servers, context));
  for (const [index, group] of (rule.access_groups ?? []).entries()) {
    const members = servers.filter((server) => server.accessGroups?.includes(group));
    const at = [...path, 'access_groups', index];
    if (members.length === 0) {
      const known = [...new Set(servers.flatMap((server) => server.accessGroups ?? []))];
      problems.error(at, values.markOf(at), `is in access_groups of no server${didYouMean(group, known)}`);
    }
    for (const server of members) found.add(server.publicName);
  }
  return [...found];
}

/** Reports names of tools that begin with no server's name. */
export function checkTools(
  patterns: readonly string[],
  path: Path,
  servers: readonly ServerConfig[],
  context: Context,
): void {
  for (const [index, pattern] of patterns.entries()) checkTool(pattern, [...path, index], servers, context);
}

/** Which tools a server has is known only when it is connected; which servers there are is known now. */
function checkTool(
  pattern: string,
  path: Path,
  servers: readonly ServerConfig[],
  { values, problems }: Context,
): void {
  const [begin = '', tool] = pattern.split('__', 2);
  if (begin.includes('*')) return;
  const at = values.markOf(path);
  if (tool === undefined) {
    problems.error(
      path,
      at,
      'is no name of a tool as the model sees it: write <alias>__<tool>, with * for any text',
    );
    return;
  }
  // The model sees names with every other character made a "_".
  const offered = servers.map((server) => server.publicName.replace(/[^A-Za-z0-9_-]/g, '_'));
  if (offered.some((name) => pattern.replace(/^_/, '').startsWith(`${name.replace(/^_/, '')}__`))) return;
  const byName = servers.find((server) => server.name === begin);
  const hint =
    byName === undefined ? didYouMean(begin, offered) : ` (the model sees it as "${byName.publicName}__…")`;
  problems.error(path, at, `begins with "${begin}", which is the public name of no server${hint}`);
}
