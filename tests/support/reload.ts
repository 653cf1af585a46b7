/** Changes the config of a running stack, and waits until hook-service has taken it up. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { readSettings, SettingsInvalid, type Settings } from '../../hook-service/src/config/settings';
import { operatorEnv } from '../../scripts/src/environment';
import { secret, type Stack } from './stack';

/** What `/health/ready` says of the config. */
export interface ConfigHealth {
  readonly state: string;
  readonly version: string;
  readonly loaded: string;
  readonly reason?: string;
  readonly since?: string;
  readonly older?: number;
  readonly restart?: readonly string[];
}

/** Everything that `/health/ready` says. */
export async function readiness(stack: Stack): Promise<{
  status: string;
  turns_in_flight: number;
  parts: Record<string, { state: string; reason?: string; tools?: number }> & { config: ConfigHealth };
}> {
  return (await (await fetch(`${stack.hook.url}/health/ready`)).json()) as never;
}

/** Waits for a state of the config; fails with the last one that was seen. */
export async function configUntil(
  stack: Stack,
  fits: (config: ConfigHealth) => boolean,
  what: string,
): Promise<ConfigHealth> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { config } = (await readiness(stack)).parts;
    if (fits(config)) return config;
    if (Date.now() > deadline)
      throw new Error(`No config that ${what}; the last one: ${JSON.stringify(config)}`);
    await pause(15);
  }
}

export const configPath = (stack: Stack): string => join(stack.dir, 'config.yaml');
export const configText = (stack: Stack): string => readFileSync(configPath(stack), 'utf8');

/** The config as data; what is changed of it is written with `writeConfig`. */
export function configOf(stack: Stack): Record<string, any> {
  return parse(configText(stack)) as Record<string, any>;
}

export function writeConfig(stack: Stack, config: object): void {
  writeFileSync(configPath(stack), stringify(config));
}

/** What a fresh hook-service would run with now, read from the same files. */
function freshSettings(stack: Stack, env: Record<string, string> = {}): Settings {
  const { result } = readSettings({
    configPath: configPath(stack),
    envFiles: [],
    env: operatorEnv({
      TOOLTURN_HOST: '127.0.0.1',
      TOOLTURN_SECRET: secret,
      LITELLM_URL: stack.url,
      REDIS_URL: stack.redis.url,
      ...env,
      TOOLTURN_PORT: String(stack.hook.port),
    }),
  });
  if (result instanceof SettingsInvalid) throw result;
  return result;
}

/** Waits until what stands in the files is what hook-service runs with. */
export function loaded(stack: Stack, env: Record<string, string> = {}): Promise<ConfigHealth> {
  const { version } = freshSettings(stack, env);
  const fits = (config: ConfigHealth) => config.state === 'ready' && config.version === version;
  return configUntil(stack, fits, `has the version ${version}`);
}

/** Changes the config and waits until hook-service runs with it. */
export async function change(
  stack: Stack,
  edit: (config: Record<string, any>) => void,
  env: Record<string, string> = {},
): Promise<ConfigHealth> {
  const config = configOf(stack);
  edit(config);
  writeConfig(stack, config);
  return loaded(stack, env);
}

/** Records of hook-service's log. */
export function logged(stack: Stack): Record<string, any>[] {
  return readFileSync(stack.hook.logFile, 'utf8')
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, any>] : []));
}
