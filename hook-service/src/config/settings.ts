import { createHmac } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { canonicalJson } from '../core/canonical-json';
import { ToolturnError } from '../core/errors';
import { readEnvFiles, type EnvVariables } from './env-files';
import { type Environment, EnvironmentInvalid, readEnvironment } from './environment';
import { type Config, loadConfig } from './load';
import { ConfigInvalid, formatProblem, Problems } from './problems';
import type { ReadFile } from './sources';

/** All that hook-service runs with: the config file, and the environment together with its env files. */
export interface Settings {
  readonly environment: Environment;
  readonly config: Config;
  /** Readable, with their places. */
  readonly warnings: readonly string[];
  /** Values that must never be told. */
  readonly secrets: readonly string[];
  /** Equal for settings that mean the same, here and on other replicas; says nothing about what is in them. */
  readonly version: string;
}

/** Everything that is wrong with settings, at once; each line is a problem or a warning with its place. */
export class SettingsInvalid extends ToolturnError {
  constructor(readonly problems: readonly string[]) {
    super('config_invalid', problems.join('\n'));
  }
}

export interface SettingsSource {
  /** LiteLLM's `config.yaml`. */
  readonly configPath: string;
  /** Later ones count more; what the process itself has in its environment counts most. */
  readonly envFiles: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile?: ReadFile;
  readonly modeOf?: (file: string) => number | undefined;
}

/** What came of reading the settings, and every file that was asked for: a change of any can change it. */
export interface SettingsRead {
  readonly files: readonly string[];
  readonly result: Settings | SettingsInvalid;
}

/** Reads everything anew. What is wrong is a value, since its files have to be watched too. */
export function readSettings(source: SettingsSource): SettingsRead {
  const { readFile = readFileSync, modeOf = posixMode } = source;
  const files = new Set<string>();
  const recording: ReadFile = (file) => {
    files.add(file);
    return readFile(file);
  };
  const invalid: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ToolturnError)) throw error;
      invalid.push(...linesOf(error));
      return undefined;
    }
  };
  const problems = new Problems();
  const variables = readEnvFiles({ files: source.envFiles, readFile: recording, modeOf }, problems);
  const warnings = [
    ...(attempt(() => problems.finish()) ?? []).map(formatProblem),
    ...shadowed(source, variables),
  ];
  const fromFiles = Object.fromEntries([...variables].map(([name, { value }]) => [name, value]));
  const env = { ...fromFiles, ...given(source.env) };
  const environment = attempt(() => withPlaces(() => readEnvironment(env), source, variables));
  const loaded = attempt(() => loadConfig({ path: source.configPath, env, readFile: recording }));
  if (environment === undefined || loaded === undefined || invalid.length > 0)
    return { files: [...files], result: new SettingsInvalid(invalid) };
  const { config } = loaded;
  const result: Settings = {
    environment,
    config,
    warnings: [...warnings, ...loaded.warnings.map(formatProblem)],
    secrets: [
      ...environment.secrets,
      ...(environment.consoleToken === undefined ? [] : [environment.consoleToken]),
      ...loaded.secrets,
      ...(environment.redisPassword === undefined ? [] : [environment.redisPassword]),
    ],
    version: versionOf(environment, config),
  };
  return { files: [...files], result };
}

/** An empty variable is one that compose or a shell was asked to pass on and did not have. */
function given(env: SettingsSource['env']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
}

function linesOf(error: ToolturnError): readonly string[] {
  if (error instanceof ConfigInvalid) return error.problems.map(formatProblem);
  return error instanceof EnvironmentInvalid ? error.problems : [error.message];
}

/** A file that is changed to no effect would be looked for long: the names whose other values count. */
function shadowed({ env }: SettingsSource, variables: EnvVariables): string[] {
  return [...variables].flatMap(([name, { value, at }]) => {
    const own = env[name];
    if (own === undefined || own === '' || own === value) return [];
    const message = `${name} has another value in the environment of the process, and that one counts`;
    return [formatProblem({ ...at, path: '', message, severity: 'warning' })];
  });
}

/** What is wrong with a variable is said with its place, where an env file has it. */
function withPlaces(read: () => Environment, { env }: SettingsSource, variables: EnvVariables): Environment {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof EnvironmentInvalid)) throw error;
    const placed = error.problems.map((message) => {
      const name = message.split(' ', 1)[0] ?? '';
      const found = env[name] ? undefined : variables.get(name);
      return found === undefined
        ? message
        : formatProblem({ ...found.at, path: '', message, severity: 'error' });
    });
    throw new EnvironmentInvalid(placed);
  }
}

/**
 * Keyed with the secret: `/health/ready` shows it to everybody, and a plain digest would let them try what a short
 * password in the config might be.
 */
function versionOf(environment: Environment, { source: _source, ...config }: Config): string {
  const key = createHmac('sha256', environment.secrets[0]).update('toolturn-config-version').digest();
  return createHmac('sha256', key).update(canonicalJson({ environment, config })).digest('hex').slice(0, 12);
}

function posixMode(file: string): number | undefined {
  if (process.platform === 'win32') return undefined;
  return statSync(file, { throwIfNoEntry: false })?.mode;
}
