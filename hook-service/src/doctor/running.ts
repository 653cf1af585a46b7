import { existsSync, readFileSync, statSync } from 'node:fs';
import { shownConfig, type ShownLine } from './config-view';
import { type EffectiveSetting, effectiveSettings } from './effective-settings';
import { examine } from './examine';
import { type DoctorFiles, readContext } from './read-context';
import { reportOf, type ReportedFinding } from './report';
import { maskLine } from './secrets';
import type { Config } from '../config/load';

/** The files of this machine. */
export const disk: DoctorFiles = {
  read: (file) => readFileSync(file, 'utf8'),
  exists: (file) => existsSync(file),
  mode: (file) => (process.platform === 'win32' ? undefined : statSync(file).mode & 0o777),
};

export interface RunningConfig {
  readonly file: string;
  readonly envFiles: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values that must not be shown. */
  readonly secrets: readonly string[];
  readonly files?: DoctorFiles;
}

/** What the static rules find in the config of a hook-service that runs. Without credentials; takes milliseconds. */
export function examineRunning({ file, envFiles, env, secrets, files = disk }: RunningConfig): {
  readonly findings: readonly ReportedFinding[];
  readonly notChecked: readonly string[];
} {
  const { context, missing } = readContext({ config: file, envFiles, env }, files);
  const report = reportOf(context, examine(context), missing);
  const clean = (text: string): string => maskLine(text, secrets);
  const { unset } = context;
  return {
    findings: report.findings.map((each) => ({
      ...each,
      message: clean(each.message),
      change: each.change.map(clean),
    })),
    notChecked: [
      ...report.not_checked,
      ...(unset.length === 0
        ? []
        : [`the values of ${unset.join(', ')}, which LiteLLM’s environment may hold`]),
      'env files and compose files: toolturn doctor reads them, with --env-file and --compose',
    ],
  };
}

/** The config of a hook-service that runs, without credentials: as it stands in its files, and as it is in effect. */
export function showRunning(
  { file, envFiles, env, secrets, files = disk }: RunningConfig,
  config: Config,
): {
  readonly files: readonly { readonly file: string; readonly lines: readonly ShownLine[] }[];
  readonly settings: readonly EffectiveSetting[];
} {
  const { context } = readContext({ config: file, envFiles, env }, files);
  return {
    files: shownConfig(context, secrets),
    settings: effectiveSettings(config, (name) => context.section(name)),
  };
}
