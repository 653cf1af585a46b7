/** `./scripts/up` after its bootstrap: starts the stack, shows that it works, and stops it or leaves it. */
import { existsSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { question, runTurn, writeSecret, type SecretFile, type TurnReport } from './demonstration';
import { messageOf, StartError } from './errors';
import { readOptions, type UpOptions } from './options';
import { root, runDir, stateDir } from './paths';
import { requireFree } from './part-ports';
import { stopEverything } from './processes';
import {
  curlLine,
  keyExpression,
  providerLines,
  providers,
  shortPath,
  statusLines,
  turnLines,
} from './report';
import { runningParts, writeRunFile } from './run-file';
import { readSecrets } from './secrets';
import { startStack, type Stack } from './stack';
import { verdictLine, verifyServers } from './verify-servers';

const runFile = join(stateDir, 'run.json');
const envFile = join(root, '.env');
const secretsFile = join(stateDir, 'secrets.env');
const say = (...lines: string[]): void => console.log(lines.join('\n'));

/** Which file holds LiteLLM's master key; undefined where the shell has it. */
let keyFile: string | undefined = secretsFile;
let stopping = false;
let secret: SecretFile | undefined;
/** Set once a check went well: nobody needs its logs then. */
let finishedRun: string | undefined;

/** Runs `up` with the given arguments; returns what to say at the very end, when everything else is stopped. */
async function up(args: readonly string[]): Promise<string> {
  const options = readOptions(args);
  // What the shell has comes first: loadEnvFile replaces nothing.
  if (process.env.LITELLM_MASTER_KEY) keyFile = undefined;
  if (existsSync(envFile)) process.loadEnvFile(envFile);
  if (keyFile !== undefined && process.env.LITELLM_MASTER_KEY) keyFile = envFile;
  const detached = options.detach ? runningParts(runFile) : undefined;
  if (detached && detached.parts.length > 0) {
    throw new StartError(
      `A detached stack of this folder already runs at port ${detached.port}: stop it with ./scripts/down first.`,
    );
  }
  if (options.preflight) {
    await requireFree(options.port);
    return '';
  }
  const stack = await startStack(options, readSecrets(secretsFile));
  say('', ...statusLines(stack), `  logs in ${shortPath(stack.logDir)}`);
  if (stack.config.guardrailAdded) {
    say('', `The guardrail entry was added in a copy; ${options.config} is untouched.`);
  }
  const report = options.demo ? await demonstrate(options, stack) : undefined;
  if (options.servers.length > 0) {
    const verdict = await verify(options, stack);
    finishedRun = runDir(options.port);
    return verdict;
  }
  if (options.check) {
    const verdict = check(stack, report);
    finishedRun = runDir(options.port);
    return verdict;
  }
  if (!options.sample && !options.detach)
    say('', `Clients use ${stack.litellm.url} as they use any LiteLLM.`);
  if (options.detach) return leaveRunning(options, stack);
  say('', 'Ctrl-C stops everything.');
  const ended = await Promise.race(stack.processes.map((each) => each.exited));
  throw new StartError(ended);
}

async function demonstrate(options: UpOptions, stack: Stack): Promise<TurnReport> {
  const secrets = readSecrets(secretsFile);
  secret = writeSecret(options.port);
  const provider = providers.find(({ variable }) => process.env[variable]);
  const model = options.model ?? provider?.model ?? 'demo';
  const asked = question(secret.path);
  say('', `Asking "${model}" through LiteLLM, streaming:`, `  > ${asked}`, '');
  process.stdout.write('  ');
  const report = await runTurn({
    litellmUrl: stack.litellm.url,
    key: secrets.LITELLM_MASTER_KEY,
    model,
    question: asked,
    hookServiceUrl: stack.hookService.url,
    secret: secrets.TOOLTURN_SECRET,
    write: (text) => process.stdout.write(text.replaceAll('\n', '\n  ')),
  });
  say('', '', ...turnLines(report));
  if (!options.check) {
    if (report.error !== undefined) say(`  The turn failed: ${report.error}`);
    const key = keyExpression(keyFile);
    say('', 'Try it yourself:', '', curlLine({ url: stack.litellm.url, model, question: asked, key }), '');
    say(...providerLines());
  }
  return report;
}

/** Tries the servers one by one; throws a sentence unless all passed. */
async function verify(options: UpOptions, stack: Stack): Promise<string> {
  const secrets = readSecrets(secretsFile);
  const verdicts = await verifyServers(options.servers, stack.parts, {
    litellmUrl: stack.litellm.url,
    key: secrets.LITELLM_MASTER_KEY,
    model: options.model ?? 'demo',
    hookServiceUrl: stack.hookService.url,
    secret: secrets.TOOLTURN_SECRET,
  });
  say('', ...verdicts.map(verdictLine));
  const bad = verdicts.filter(({ verdict }) => verdict !== 'pass').map(({ server }) => server);
  if (bad.length > 0) throw new StartError(`not ok: ${bad.join(', ')}; the logs are in ${stack.logDir}`);
  return 'ok: a tool of each server was called through LiteLLM';
}

/** The last line when all is well; throws a sentence when not. */
function check(stack: Stack, report: TurnReport | undefined): string {
  const ill = Object.entries(stack.parts).filter(
    ([, part]) => part.state !== 'ready' && part.state !== 'disabled',
  );
  if (ill.length > 0) {
    const reasons = ill.map(
      ([name, part]) => `${name} is ${part.state}${part.reason ? ` (${part.reason})` : ''}`,
    );
    throw new StartError(`not ok: ${reasons.join('; ')}; the logs are in ${stack.logDir}`);
  }
  if (report === undefined) return 'ok: every part is ready';
  const word = secret?.word ?? '';
  const problem =
    report.error !== undefined
      ? `the turn failed: ${report.error}`
      : report.leaked
        ? 'a tool call reached the client'
        : !report.answer.includes(word)
          ? `the answer does not hold the secret word ${word}`
          : report.finishReason !== 'stop'
            ? `the stream ended with finish_reason ${report.finishReason ?? '(none)'}`
            : undefined;
  if (problem !== undefined) throw new StartError(`not ok: ${problem}; the logs are in ${stack.logDir}`);
  return `ok: the model read the secret word ${word} through LiteLLM, Toolturn and the file server`;
}

function leaveRunning(options: UpOptions, stack: Stack): string {
  writeRunFile(runFile, {
    started_at: new Date().toISOString(),
    port: options.port,
    urls: stack.urls,
    keys: {
      ...(stack.masterKeyVariable === undefined ? {} : { litellm_master_key: stack.masterKeyVariable }),
      toolturn_secret: 'TOOLTURN_SECRET',
    },
    secrets_file: secretsFile,
    config: { original: options.config, copy: stack.config.path },
    processes: stack.processes.map(({ logFile, pid, startTime }) => ({
      name: basename(logFile, '.log'),
      pid,
      start_time: startTime,
      log_file: logFile,
    })),
  });
  for (const each of stack.processes) each.detach();
  secret = undefined; // the question of the curl line stays answerable
  return `Running in the background (${shortPath(runFile)}); ./scripts/down stops it.`;
}

/** The first signal ends everything in order, a second one at once. */
function onSignal(signal: NodeJS.Signals): void {
  const graceMs = stopping ? 0 : undefined;
  if (!stopping) say('', 'Stopping…');
  stopping = true;
  const code = signal === 'SIGINT' ? 130 : 143;
  void stopEverything(graceMs).finally(() => {
    secret?.remove();
    process.exit(code);
  });
}

/** Whatever happens, nothing that was started is left behind, unless it was detached. */
async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onSignal(signal));
  // `up | head` closes our output: that is a request to end, not a crash.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', () => stopping || onSignal('SIGHUP'));
  let last: string | undefined;
  let problem: string | undefined;
  try {
    last = await up(process.argv.slice(2));
  } catch (error) {
    // A defect of ours keeps its stack trace, everything else is a sentence for the operator.
    problem = error instanceof StartError ? error.message : ((error as Error).stack ?? messageOf(error));
  }
  if (stopping) return; // the signal's own path ends the program
  stopping = true;
  await stopEverything();
  secret?.remove();
  if (finishedRun !== undefined) rmSync(finishedRun, { recursive: true, force: true });
  if (last) say('', last);
  if (problem !== undefined) console.error(`\nup: ${problem}`);
  process.exit(problem === undefined ? 0 : 1);
}

void main();
