import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { AccessPolicy } from '../core/access';
import type { ApprovalRule } from '../core/approval-policy';
import type { InjectPolicy, Limits } from '../core/limits';
import type { ServerConfig } from '../core/servers';
import { compileAccess } from './access';
import { knownAccessKeys } from './access-section';
import { compileApproval, knownApprovalKeys } from './approval-section';
import { knownClientRuleKeys } from './client-tools-section';
import { check, type Context } from './check';
import { knownMaskKeys } from './mask-section';
import { checkServerName, PublicNames, readAliases } from './names';
import { type ConfigProblem, Problems } from './problems';
import { compileServer } from './server';
import { checkCommand } from './server-checks';
import { knownSettingsKeys, settingsFor, type WrittenServerSettings } from './server-settings';
import { type ReadFile, readSources, type Sources } from './sources';
import { didYouMean } from './suggest';
import { knownKeys, type LogLevel, type ToolturnSection, toolturnSchema } from './toolturn-section';
import { isMap, type Plain, Values, withoutNulls } from './values';

/** What hook-service runs with. Frozen: a change of the file makes a new one. */
export interface Config extends Omit<
  ToolturnSection,
  'serverSettings' | 'accessSection' | 'approvalSection'
> {
  readonly servers: readonly ServerConfig[];
  /** Who may use what. */
  readonly access: AccessPolicy;
  /** Which calls people are asked about, beside what servers say of themselves. */
  readonly approval: readonly ApprovalRule[];
  /** The header that carries the caller's key, where it is not `Authorization`. */
  readonly keyHeaderName?: string;
  readonly limits: Limits;
  readonly inject: InjectPolicy;
  readonly logLevel: LogLevel;
  readonly source: {
    readonly file: string;
    /** The config file and what it includes: all that must be watched for a change. */
    readonly files: readonly string[];
  };
}

export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly ConfigProblem[];
  /** Values that must never be logged: everything from the environment, credentials, raw keys. */
  readonly secrets: readonly string[];
}

export interface LoadOptions {
  /** LiteLLM's `config.yaml`. */
  readonly path: string;
  /** Where `os.environ/NAME` is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile?: ReadFile;
}

/**
 * Reads LiteLLM's config file and compiles what concerns Toolturn. Throws `ConfigInvalid` with everything that
 * is wrong, and nothing else.
 */
export function loadConfig({ path, env, readFile = readFileSync }: LoadOptions): LoadedConfig {
  const problems = new Problems();
  const sources = readSources(path, readFile, problems);
  const values = new Values(env, problems);
  const context: Context = { values, problems };

  const section = readSection(sources, context);
  const keyHeaderName = readKeyHeaderName(sources, context);
  // Without a section there is no config, so a deadline of nothing is never used.
  const compiled = readServers(sources, section?.limits.callMs ?? 0, context);
  const servers = withSettings(compiled, section?.serverSettings ?? {}, context);
  for (const server of servers) checkCommand(server, section?.stdioCommands, context);
  const access = compileAccess(section?.accessSection, servers, context);
  const approval = compileApproval(section?.approvalSection ?? [], servers, context);
  const warnings = problems.finish();
  // `finish` has thrown if the section was wrong.
  const {
    serverSettings: _settings,
    accessSection: _access,
    approvalSection: _approval,
    ...settings
  } = section as ToolturnSection;
  const config: Config = {
    ...settings,
    servers,
    access,
    approval,
    ...(keyHeaderName !== undefined && { keyHeaderName }),
    source: { file: path, files: sources.files },
  };
  return deepFreeze({ config, warnings, secrets: values.secrets() });
}

function readSection(sources: Sources, context: Context): ToolturnSection | undefined {
  const entry = sources.find('toolturn');
  const value = (entry && context.values.take(entry, ['toolturn'])) ?? {};
  const servers = isMap(value) ? (value['servers'] ?? {}) : {};
  const settings = isMap(servers) ? Object.keys(servers) : [];
  const access = isMap(value) && isMap(value['access'] ?? null) ? (value['access'] as { rules?: Plain }) : {};
  const rules = Array.isArray(access.rules) ? access.rules : [];
  const asking = isMap(value) && Array.isArray(value['approval']) ? value['approval'] : [];
  const masks = isMap(value) && Array.isArray(value['mask']) ? value['mask'] : [];
  const own = isMap(value) && isMap(value['client_tools'] ?? null) ? (value['client_tools'] ?? null) : null;
  const ownRules = isMap(own) && Array.isArray(own['rules']) ? own['rules'] : [];
  for (const key of [...rules, ...asking, ...ownRules].flatMap(rawKeys)) context.values.keepSecret(key);
  const known = {
    ...Object.fromEntries(
      settings.flatMap((name) => knownSettingsKeys(name, isMap(servers) ? (servers[name] ?? null) : null)),
    ),
    ...knownAccessKeys(rules.length),
    ...knownApprovalKeys(asking.length),
    ...knownMaskKeys(masks.length),
    ...knownClientRuleKeys(ownRules.length),
  };
  return check(toolturnSchema, withoutNulls(value, 5), ['toolturn'], context, {
    ...knownKeys,
    ...known,
  });
}

/** Keys that a rule spells out. */
function rawKeys(rule: Plain): string[] {
  const keys = isMap(rule) ? rule['keys'] : undefined;
  return (Array.isArray(keys) ? keys : []).filter(
    (key): key is string => typeof key === 'string' && key.startsWith('sk-'),
  );
}

const headerName = z
  .string({ error: 'must be the name of a header' })
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'must be the name of a header' });

function readKeyHeaderName(sources: Sources, context: Context): string | undefined {
  const entry = sources.find('general_settings', 'litellm_key_header_name');
  if (!entry) return undefined;
  const path = ['general_settings', 'litellm_key_header_name'];
  const value = context.values.take(entry, path);
  return value === null ? undefined : check(headerName, value, path, context);
}

function readServers(sources: Sources, callMs: number, context: Context): ServerConfig[] {
  const { values, problems } = context;
  const entry = sources.find('mcp_servers');
  const servers = (entry && values.take(entry, ['mcp_servers'])) ?? {};
  const aliasEntry = sources.find('litellm_settings', 'mcp_aliases');
  const aliasValue = aliasEntry ? values.take(aliasEntry, ['litellm_settings', 'mcp_aliases']) : null;
  if (!isMap(servers)) {
    problems.error(
      ['mcp_servers'],
      values.markOf(['mcp_servers']),
      'must be a map of server names to settings',
    );
    return [];
  }
  // The order of the file, which an object would lose for names made of digits.
  const names = entry?.value.kind === 'map' ? [...entry.value.entries.keys()] : [];
  const publicNames = new PublicNames(readAliases(aliasValue, names, context), names, context);
  return names.flatMap((name) => {
    checkServerName(name, context);
    const server = servers[name] ?? null;
    return compileServer(name, server, publicNames.nameOf(name, server), callMs, context) ?? [];
  });
}

/** Gives each server its entry of `toolturn.servers`; an entry for no server is an error. */
function withSettings(
  servers: readonly ServerConfig[],
  settings: Readonly<Record<string, WrittenServerSettings>>,
  context: Context,
): ServerConfig[] {
  const { values, problems } = context;
  const names = servers.flatMap((server) => [server.publicName, server.name]);
  // An entry of mcp_servers that is wrong is no server, and reported for that already.
  const isNamed = (name: string) => names.includes(name) || values.has(['mcp_servers', name]);
  for (const name of Object.keys(settings).filter((each) => !isNamed(each))) {
    const path = ['toolturn', 'servers', name];
    const message = `is no server of mcp_servers${didYouMean(name, names)}`;
    problems.error(path, values.markOf(path), message);
  }
  return servers.map((server) => {
    const key = [server.publicName, server.name].find((name) => settings[name] !== undefined);
    const own = key === undefined ? undefined : settings[key];
    if (key === undefined || own === undefined) return server;
    return { ...server, settings: settingsFor(server, own, ['toolturn', 'servers', key], context) };
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
