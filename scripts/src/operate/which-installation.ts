/** Which stack a script is about: the one that its options name, else the one that is here. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { flag, text, texts } from '../arguments';
import { StartError } from '../errors';
import { root, stateDir } from '../paths';
import { runningParts } from '../run-file';
import { composeInstallation } from './compose-installation';
import type { Installation } from './installation';
import { processInstallation } from './process-installation';
import { systemdInstallation } from './systemd-installation';

/** Options of every script that is about a running stack. */
export const installationOptions = {
  /** A compose file; several are read together, as by `docker compose -f`. */
  compose: texts,
  /** The run file of `./scripts/up --detach`. */
  run: text,
  systemd: flag,
  /** `part=unit`, with --systemd. */
  unit: texts,
  config: text,
  'env-file': texts,
} as const;

export interface InstallationFlags {
  readonly compose?: string[];
  readonly run?: string;
  readonly systemd?: boolean;
  readonly unit?: string[];
  readonly config?: string;
  readonly 'env-file'?: string[];
}

/** Throws `StartError` where no stack is named and none is here. */
export function whichInstallation(flags: InstallationFlags): Installation {
  const given = {
    envFiles: flags['env-file'] ?? [],
    ...(flags.config === undefined ? {} : { config: flags.config }),
  };
  if ([flags.compose, flags.run, flags.systemd].filter((each) => each !== undefined).length > 1)
    throw new StartError('--compose, --run and --systemd exclude each other: choose one.');
  if (flags.compose !== undefined) return composeInstallation(flags.compose, given);
  if (flags.run !== undefined) return processInstallation(flags.run, given);
  if (flags.systemd === true) return systemdInstallation(unitsOf(flags.unit ?? []), given);
  const runFile = join(stateDir, 'run.json');
  if ((runningParts(runFile)?.parts.length ?? 0) > 0) return processInstallation(runFile, given);
  const composeFile = join(root, 'compose', 'docker-compose.yml');
  if (existsSync(join(root, 'compose', 'litellm.env'))) return composeInstallation([composeFile], given);
  throw new StartError(
    'No stack was found: start one with ./scripts/up --detach, or name it with --compose FILE, --run FILE or --systemd.',
  );
}

function unitsOf(pairs: readonly string[]): Record<string, string> {
  const usual = { litellm: 'toolturn-litellm.service', 'hook-service': 'toolturn-hook-service.service' };
  const named = pairs.map((pair) => {
    const [part, unit] = pair.split('=', 2);
    if (!part || !unit) throw new StartError(`--unit must be PART=UNIT, got "${pair}".`);
    return [part, unit] as const;
  });
  return { ...usual, ...Object.fromEntries(named) };
}
