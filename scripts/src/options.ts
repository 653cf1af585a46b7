/** The command line of `./scripts/up`. What it means in words stands in scripts/lib/help-up.txt. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readArguments } from './arguments';
import { StartError } from './errors';
import { sampleConfig } from './paths';

export interface UpOptions {
  /** Absolute path of LiteLLM's config. */
  readonly config: string;
  /** True for the sample of this repository: then its MCP servers and the demo model are started too. */
  readonly sample: boolean;
  /** LiteLLM's port. */
  readonly port: number;
  /** Run the demonstration turn. */
  readonly demo: boolean;
  /** The model of the demonstration; absent: a real one where the environment has a key. */
  readonly model?: string;
  /** Stop everything after the demonstration and tell by the exit code how it went. */
  readonly check: boolean;
  /** Leave everything running and return. */
  readonly detach: boolean;
  /** MCP servers to try one by one in place of the demonstration; `all`: every one of the config. */
  readonly servers: readonly string[];
  /** Only look whether the start could work. */
  readonly preflight: boolean;
}

/** The port LiteLLM listens on when nothing else is said. */
export const defaultPort = 4000;

/** Reads the arguments. Throws `StartError` with one sentence when something is wrong with them. */
export function readOptions(args: readonly string[], cwd = process.cwd()): UpOptions {
  const values = parse(args);
  const config = values.config === undefined ? sampleConfig : resolve(cwd, values.config);
  if (!existsSync(config) || !statSync(config).isFile()) {
    throw new StartError(`There is no config file ${config}: give LiteLLM's config.yaml after --config.`);
  }
  const sample = existsSync(sampleConfig) && realpathSync(config) === realpathSync(sampleConfig);
  const check = values.check === true;
  const detach = values.detach === true;
  if (check && detach)
    throw new StartError('--check stops everything at its end and --detach leaves it running: choose one.');
  const servers = values.server ?? [];
  if (servers.length > 0 && !check)
    throw new StartError('--server belongs to --check (or ./scripts/verify).');
  if (servers.length > 0 && !sample && values.model === undefined) {
    throw new StartError('--server with a config of your own needs --model NAME, a model that calls tools.');
  }
  return {
    config,
    sample,
    port: readPort(values.port),
    // The question of the demonstration needs the sample's file server.
    demo: sample && values['no-demo'] !== true && servers.length === 0,
    ...(values.model === undefined ? {} : { model: values.model }),
    check,
    detach,
    servers,
    preflight: values.preflight === true,
  };
}

function parse(args: readonly string[]) {
  const options = {
    config: { type: 'string' },
    port: { type: 'string' },
    model: { type: 'string' },
    'no-demo': { type: 'boolean' },
    check: { type: 'boolean' },
    detach: { type: 'boolean' },
    server: { type: 'string', multiple: true },
    preflight: { type: 'boolean' },
  } as const;
  return readArguments(
    'up',
    () => parseArgs({ args: [...args], strict: true, allowPositionals: false, options }).values,
  );
}

function readPort(text: string | undefined): number {
  const port = Number(text ?? defaultPort);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new StartError(`--port must be a number from 1 to 65535, got "${text}".`);
  }
  return port;
}
