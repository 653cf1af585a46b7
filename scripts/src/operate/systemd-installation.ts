/** A stack of systemd units: `toolturn-litellm.service`, `toolturn-hook-service.service` and whatever else is named. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { StartError } from '../errors';
import { waitUntil } from '../processes';
import { readEnvFile } from './env-file';
import { outputOf, showMasked } from './execute';
import type { Installation } from './installation';
import { secretValues } from './secret-values';

/** Where the units of deploy/systemd look for config and env files. */
const folder = '/etc/toolturn';

/** `units` are pairs of a part's name and its unit. */
export function systemdInstallation(
  units: Readonly<Record<string, string>>,
  given: { config?: string; envFiles: readonly string[] },
): Installation {
  const envFiles =
    given.envFiles.length > 0 ? given.envFiles.map((file) => resolve(file)) : envFilesIn(folder);
  const variable = (name: string): string | undefined => {
    for (const file of envFiles) {
      const value = readEnvFile(file).get(name);
      if (value) return value;
    }
    return process.env[name] || undefined;
  };
  const unitOf = (part: string): string => {
    const unit = units[part];
    if (unit !== undefined) return unit;
    throw new StartError(`There is no unit for ${part}: there are ${Object.keys(units).join(', ')}.`);
  };
  const property = async (unit: string, name: string): Promise<string> =>
    (await outputOf(['systemctl', 'show', '--property', name, '--value', unit])).trim();
  return {
    kind: 'systemd',
    config: resolve(given.config ?? join(folder, 'config.yaml')),
    envFiles,
    litellmUrl: process.env.LITELLM_URL || 'http://127.0.0.1:4000',
    hookServiceUrl: variable('TOOLTURN_URL') ?? 'http://127.0.0.1:48900',
    variable,
    environment: () => ({}),
    parts: () =>
      Promise.all(
        Object.entries(units).map(async ([name, unit]) => {
          const [state, since] = [
            await property(unit, 'ActiveState'),
            await property(unit, 'ActiveEnterTimestamp'),
          ];
          const time = Date.parse(since.replace(/^\w{3} /, '').replace(/(\d) [A-Z]{3,4}$/, '$1'));
          return {
            name,
            state: state === 'active' ? 'running' : state || 'unknown',
            ...(Number.isNaN(time) ? {} : { since: new Date(time).toISOString() }),
          };
        }),
      ),
    async restart(part) {
      const unit = unitOf(part);
      await outputOf(['systemctl', 'restart', unit], { timeoutMs: 300_000 });
      await waitUntil(async () => (await property(unit, 'ActiveState')) === 'active', {
        timeoutMs: 120_000,
        what: unit,
      });
    },
    async logs({ part, tail, follow }) {
      const names = part === undefined ? Object.values(units) : [unitOf(part)];
      const options = ['--no-pager', '--lines', `${tail}`, ...(follow ? ['--follow'] : [])];
      return showMasked(['journalctl', ...options, ...names.flatMap((unit) => ['--unit', unit])], {
        known: secretValues(envFiles),
      });
    },
    async askHookService(path) {
      const url = variable('TOOLTURN_URL') ?? 'http://127.0.0.1:48900';
      try {
        const response = await fetch(url + path, { signal: AbortSignal.timeout(10_000) });
        return await response.json();
      } catch {
        throw new StartError(`hook-service does not answer at ${url}.`);
      }
    },
    reach: () => undefined,
    postgresProgram: (name) => ({ command: [name], passwordFirst: false }),
    configChanged: () => undefined,
  };
}

function envFilesIn(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => name.endsWith('.env'))
    .sort()
    .map((name) => join(dir, name));
}
