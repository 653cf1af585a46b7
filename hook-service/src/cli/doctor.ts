import type { Command } from 'commander';
import type { DoctorFlags } from './doctor-run';

const couldNotRun = 3;
const help = `
files: scripts, Dockerfiles, client settings and saved requests (.json) that belong to the set-up.
Env files and .env that a compose file names are read with it.

Exit codes: 0 nothing above a note, 1 warnings, 2 errors or security, 3 could not run.

Example: toolturn doctor --config config.yaml --env-file litellm.env --compose docker-compose.yml --fix`;

/** `toolturn doctor`: finds mistakes in the files of a set-up, mends what is safe, and tries the running system. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('find mistakes in LiteLLM’s config, env files and compose files, and in the running system')
    .argument('[files...]', 'more files that belong to it')
    .option(
      '--config <file>',
      "LiteLLM's config.yaml (default: TOOLTURN_CONFIG, or config.yaml where there is one)",
    )
    .option('--env-file <file>', 'an env file of LiteLLM or hook-service; repeatable', collect, [])
    .option('--compose <file>', 'a compose file; repeatable', collect, [])
    .option('--live', 'try the running system too; the key comes from LITELLM_API_KEY')
    .option('--litellm-url <url>', 'address of LiteLLM (default: LITELLM_URL, or http://127.0.0.1:4000)')
    .option('--url <url>', 'address of hook-service (default: TOOLTURN_URL, or http://127.0.0.1:48900)')
    .option('--model <name>', 'a model to ask one question, with --live')
    .option('--timeout <seconds>', 'how long to wait for one answer, with --live', '15')
    .option('--fix', 'mend what is safe to mend; the file before it is kept as <file>.bak')
    .option('--json', 'print the report as JSON')
    .option('--rules', 'print the table of rules, and do nothing else')
    .addHelpText('after', help)
    // 2 means errors in the files here.
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : couldNotRun))
    .action(async (files: string[], flags: DoctorFlags) => {
      if (flags.rules === true) {
        const { ruleTable } = await import('../doctor/rule-table.js');
        const { rules } = await import('../doctor/rules/index.js');
        process.stdout.write(`${ruleTable(rules)}\n`);
        return;
      }
      try {
        const { runDoctor } = await import('./doctor-run.js');
        process.exitCode = await runDoctor(files, flags);
      } catch (error) {
        process.stderr.write(`toolturn doctor: ${reasonOf(error)}\n`);
        process.exitCode = couldNotRun;
      }
    });
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || path === undefined) return error.message;
  return code === 'ENOENT'
    ? `${path} cannot be read (${code})`
    : `${path}: ${syscall ?? 'access'} failed (${code})`;
}
