/** `./scripts/install`: adds Toolturn to a LiteLLM that is there, or takes it out again. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { readArguments } from './arguments';
import { messageOf, StartError } from './errors';
import { planInstall } from './install-plan';
import { planRemove } from './install-remove';
import { nextSteps } from './install-steps';

const say = (...lines: string[]): void => console.log(lines.join('\n'));

interface InstallOptions {
  readonly config: string;
  readonly url: string;
  readonly remove: boolean;
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/** Does what the arguments say; returns the exit code. */
async function install(args: readonly string[]): Promise<number> {
  const options = readInstallOptions(args);
  const plan = options.remove ? planRemove(options.config) : planInstall(options.config);
  if (plan.run === undefined) {
    say(...plan.lines);
    return 0;
  }
  say(options.remove ? 'This takes Toolturn out:' : 'This adds Toolturn:', '', ...plan.lines, '');
  if (options.dryRun) {
    say('Nothing was changed (--dry-run).');
    return 0;
  }
  if (!options.yes) {
    if (process.stdin.isTTY !== true) {
      say('Nothing was changed: there is no terminal to ask at. Say yes with --yes.');
      return 2;
    }
    if (!(await agreed())) {
      say('Nothing was changed.');
      return 1;
    }
  }
  plan.run();
  if (options.remove) say('Done. Start LiteLLM again, and stop hook-service.');
  else say('Done.', '', ...nextSteps(options.config, options.url, randomBytes(32).toString('hex')));
  return 0;
}

function readInstallOptions(args: readonly string[]): InstallOptions {
  const values = parse(args);
  if (values.into === undefined) {
    throw new StartError(
      "--into DIR is missing: the folder of LiteLLM's config.yaml (see ./scripts/install --help).",
    );
  }
  const url = values.url ?? 'http://127.0.0.1:48900';
  if (!URL.canParse(url) || !['http:', 'https:'].includes(new URL(url).protocol)) {
    throw new StartError(
      `--url must be the address of hook-service, such as http://127.0.0.1:48900, got "${url}".`,
    );
  }
  return {
    config: resolve(values.into, values.config ?? 'config.yaml'),
    url: url.replace(/\/+$/, ''),
    remove: values.remove === true,
    yes: values.yes === true,
    dryRun: values['dry-run'] === true,
  };
}

function parse(args: readonly string[]) {
  const options = {
    into: { type: 'string' },
    config: { type: 'string' },
    url: { type: 'string' },
    yes: { type: 'boolean' },
    remove: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
  } as const;
  return readArguments(
    'install',
    () => parseArgs({ args: [...args], strict: true, allowPositionals: false, options }).values,
  );
}

/** Asks at the terminal; anything but y or yes is no, as is its end. */
async function agreed(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new Promise<string>((done) => terminal.once('close', () => done('')));
  const answer = await Promise.race([terminal.question('Go on? [y/N] '), closed]);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

install(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    // A defect of ours keeps its stack trace, everything else is a sentence for the operator.
    const text = error instanceof StartError ? error.message : ((error as Error).stack ?? messageOf(error));
    console.error(`install: ${text}`);
    process.exitCode = 1;
  },
);
