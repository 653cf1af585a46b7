import { chmodSync, copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { examine } from '../doctor/examine';
import { plannedFixes, type FixedFile } from '../doctor/fix';
import { readContext } from '../doctor/read-context';
import { renderReport, reportOf } from '../doctor/report';
import { disk } from '../doctor/running';
import type { DoctorContext } from '../doctor/context';
import { type LiveSettings, walk } from '../doctor/live';

export interface DoctorFlags {
  readonly config?: string;
  readonly envFile: readonly string[];
  readonly compose: readonly string[];
  readonly live?: boolean;
  readonly litellmUrl?: string;
  readonly url?: string;
  readonly model?: string;
  readonly timeout: string;
  readonly fix?: boolean;
  readonly json?: boolean;
  readonly rules?: boolean;
}

/** More often than this a fix never brings up another one. */
const mostRounds = 5;

/** Reads, mends and reports as the flags say. Resolves to the exit code; throws where that cannot be done. */
export async function runDoctor(others: readonly string[], flags: DoctorFlags): Promise<number> {
  const config = configFile(flags.config);
  if (
    flags.live !== true &&
    config === undefined &&
    flags.compose.length + others.length + flags.envFile.length === 0
  )
    throw new Error('there is no config.yaml here; name the files: --config, --env-file, --compose');
  const look = () =>
    readContext(
      {
        ...(config === undefined ? {} : { config }),
        envFiles: flags.envFile,
        compose: flags.compose,
        others,
        env: process.env,
      },
      disk,
    );
  let { context, missing } = look();
  let found = examine(context);
  if (flags.fix === true) {
    for (let round = 0; round < mostRounds; round += 1) {
      const fixed = plannedFixes(context, found);
      if (fixed.length === 0) break;
      for (const each of fixed) {
        const backup = write(each);
        if (flags.json !== true)
          process.stdout.write(`mended ${each.file}${backup ? `; before: ${backup}` : ''}\n`);
      }
      ({ context, missing } = look());
      found = examine(context);
    }
  }
  const live = flags.live === true ? await walk(liveSettings(flags, context)) : undefined;
  const report = reportOf(context, found, notChecked(context, missing), live);
  process.stdout.write(
    flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : `${renderReport(report)}\n`,
  );
  return report.exit_code;
}

/** The addresses, key and secret: flags, then env files, then the environment. Throws where one cannot be right. */
function liveSettings(flags: DoctorFlags, { env, loaded }: DoctorContext): LiveSettings {
  const seconds = Number(flags.timeout);
  if (!(seconds > 0 && seconds <= 600))
    throw new Error('--timeout must be a number of seconds from 0 to 600');
  // Without a key of its own the master key serves; it is known where LiteLLM's env file is.
  const key = env['LITELLM_API_KEY'] || env['LITELLM_MASTER_KEY'];
  const secrets = [env['TOOLTURN_SECRET'], env['TOOLTURN_SECRET_PREVIOUS']]
    .flatMap((each) => each?.split(',') ?? [])
    .map((each) => each.trim())
    .filter((each) => each !== '');
  return {
    litellmUrl: address(flags.litellmUrl ?? (env['LITELLM_URL'] || 'http://127.0.0.1:4000'), '--litellm-url'),
    hookUrl: address(flags.url ?? (env['TOOLTURN_URL'] || 'http://127.0.0.1:48900'), '--url'),
    ...(key ? { key } : {}),
    secrets,
    ...(flags.model === undefined ? {} : { model: flags.model }),
    ...(loaded === undefined ? {} : { searchAboveTokens: loaded.catalog.aboveTokens }),
    timeoutMs: seconds * 1000,
    turnMs: Math.max(seconds, 120) * 1000,
  };
}

function address(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.username || url.password)
    throw new Error(`${name} must be an address such as http://127.0.0.1:4000`);
  return url.href.replace(/\/+$/, '').replace(/\/v1$/, '');
}

function configFile(given: string | undefined): string | undefined {
  const file = given ?? process.env['TOOLTURN_CONFIG'];
  if (file !== undefined) return file;
  return existsSync('config.yaml') ? 'config.yaml' : undefined;
}

/** Writes a file with its backup beside it; the name of the backup, where there is one. */
function write({ file, before, after, mode }: FixedFile): string | undefined {
  let backup: string | undefined;
  if (after !== before) {
    backup = `${file}.bak`;
    for (let count = 1; existsSync(backup); count += 1) backup = `${file}.bak.${count}`;
    copyFileSync(file, backup);
    // What was open to others stays so in the copy otherwise.
    if (mode !== undefined) chmodSync(backup, mode);
    writeFileSync(file, after);
  }
  if (mode !== undefined) chmodSync(file, mode);
  return backup;
}

/** What the files at hand do not tell. */
function notChecked(context: DoctorContext, missing: readonly string[]): string[] {
  const { unset } = context;
  return [
    ...missing.map((file) => `${file}, which a compose file names, is not there`),
    ...(unset.length > 0 ? [`the value of ${unset.join(', ')}: name the env files with --env-file`] : []),
  ];
}
