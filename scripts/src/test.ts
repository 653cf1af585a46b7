/** `./scripts/test` after its bootstrap: runs the suites one after the other and adds up what they say. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from './errors';
import { parseRecord } from './json';
import { root, stateDir } from './paths';
import { providers } from './report';
import { suitesFile } from './status-reports';
import { temporaryFolder } from './temporary-folder';
import { addUp, failedSuite, jestCounts, junitCounts, summary, type Counts } from './test-counts';

interface Suite {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Reads the counts from the report the command wrote; absent: the suite counts as one test. */
  readonly counts?: () => Counts | undefined;
  /** Why it is left out unless `--all` is given. */
  readonly longBecause?: string;
}

const reports = join(stateDir, 'reports');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);
const inVenv = (name: string): string => join(stateDir, 'venv', 'bin', name);
const python = inVenv('python');

const ruffConfig = ['--config', join(root, 'scripts', 'ruff.toml')];

const suites: readonly Suite[] = [
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'types', command: ['npm', 'run', '--silent', 'typecheck'] },
  { name: 'ruff', command: [python, '-m', 'ruff', 'check', ...ruffConfig, 'litellm'] },
  { name: 'ruff-format', command: [python, '-m', 'ruff', 'format', '--check', ...ruffConfig, 'litellm'] },
  {
    name: 'shellcheck',
    command: [
      'bash',
      '-c',
      'exec "$0" -x -P SCRIPTDIR scripts/up scripts/down scripts/install scripts/key scripts/status scripts/logs scripts/ports scripts/backup scripts/restore scripts/rotate scripts/apply scripts/upgrade scripts/add-server scripts/setup scripts/verify scripts/test scripts/bench scripts/chaos scripts/soak scripts/test-clients scripts/test-conformance scripts/test-deploy scripts/test-servers .ci/run scripts/lib/*.sh compose/redis/*.sh',
      inVenv('shellcheck'),
    ],
  },
  jest('unit'),
  jest('integration', '--maxWorkers=2'),
  {
    name: 'pytest',
    command: [
      python,
      '-m',
      'pytest',
      '-q',
      'litellm/tests',
      '-o',
      'asyncio_default_fixture_loop_scope=function',
      `--junitxml=${join(reports, 'pytest.xml')}`,
    ],
    counts: () => junitCounts(join(reports, 'pytest.xml')),
  },
  {
    name: 'newest-litellm',
    command: [join(root, 'scripts', 'lib', 'newest-litellm.sh')],
    counts: () => jestCounts(join(reports, 'newest-litellm.json')),
    longBecause: 'it installs a second LiteLLM and runs the tests of turns once more',
  },
  {
    name: 'clients',
    command: [join(root, 'scripts', 'test-clients')],
    counts: () => jestCounts(join(reports, 'clients.json')),
    longBecause: 'it installs eight clients, about 1 GB',
  },
  {
    name: 'servers',
    command: [join(root, 'scripts', 'test-servers')],
    counts: () => jestCounts(join(reports, 'servers.json')),
    longBecause: 'it installs eleven MCP servers, a browser and a database, about 700 MB',
  },
  {
    name: 'deploy',
    command: [join(root, 'scripts', 'test-deploy')],
    counts: () => jestCounts(join(reports, 'deploy.json')),
    longBecause:
      'it builds docker compose, kustomize, Loki and promtail from their sources, which needs Go and a quarter of an hour',
  },
  {
    name: 'conformance',
    command: [join(root, 'scripts', 'test-conformance')],
    longBecause:
      'it installs the official MCP conformance suite and runs some fifty scenarios of it, minutes',
  },
  {
    ...jest('chaos', '--runInBand'),
    longBecause: 'it kills, pauses and slows every part under load, five minutes',
  },
  {
    ...jest('soak', '--runInBand'),
    longBecause:
      'it makes ten thousand calls to servers that are killed again and again, and loads two replicas, minutes',
  },
  {
    name: 'bench',
    command: [join(root, 'scripts', 'bench')],
    longBecause: 'it measures every row of BENCHMARKS.md, three quarters of an hour',
  },
  {
    name: 'fresh-clone',
    command: [join(root, 'scripts', 'lib', 'fresh-clone.sh')],
    longBecause: 'it clones the last commit and installs everything from the registries, some minutes',
  },
];

function jest(project: string, ...more: string[]): Suite {
  const report = join(reports, `${project}.json`);
  return {
    name: project,
    command: [bin('jest'), '--selectProjects', project, '--json', `--outputFile=${report}`, ...more],
    counts: () => jestCounts(report),
  };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { all: { type: 'boolean' } },
  });
  const unknown = positionals.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    throw new Error(
      `There is no suite ${unknown.join(', ')}; there are ${suites.map((suite) => suite.name).join(', ')}.`,
    );
  }
  mkdirSync(reports, { recursive: true });
  const results: Counts[] = [];
  const notes: string[] = [];
  for (const suite of suites) {
    if (positionals.length > 0 && !positionals.includes(suite.name)) continue;
    if (suite.longBecause !== undefined && values.all !== true && !positionals.includes(suite.name)) {
      notes.push(`  ${suite.name}: left out, ${suite.longBecause}; --all runs it`);
      continue;
    }
    console.log(`\n== ${suite.name}`);
    // Reports of other suites stay: docs/STATUS.md is made from all of them.
    for (const ending of ['json', 'xml']) rmSync(join(reports, `${suite.name}.${ending}`), { force: true });
    const from = performance.now();
    const counts = await run(suite);
    const seconds = Math.round((performance.now() - from) / 1000);
    results.push(counts);
    noteRun(suite.name, counts);
    notes.push(`  ${suite.name}: ${summary(counts)} (${seconds} s)`);
  }
  const total = addUp(results);
  console.log(`\n${notes.join('\n')}\n\n${summary(total)}`);
  return total.failed === 0 ? 0 : 1;
}

/** Notes what ran, when and on which commit, beside the reports. */
function noteRun(suite: string, counts: Counts): void {
  const file = join(reports, suitesFile);
  const before = existsSync(file) ? parseRecord(readFileSync(file, 'utf8')) : undefined;
  const note = { ...before, [suite]: { commit: commitOf(), at: Date.now(), ...counts } };
  writeFileSync(file, `${JSON.stringify(note, null, 2)}\n`);
}

/** The commit of the checkout, with `+` where files differ from it. */
function commitOf(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    // docs/STATUS.md is written after the tests, from what they said.
    const changed = git('status', '--porcelain', '--', ':!docs/STATUS.md') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`;
  } catch {
    return '';
  }
}

/** What is left in its temporary folder counts as one failure more. */
async function run(suite: Suite): Promise<Counts> {
  const temporary = temporaryFolder();
  try {
    const counts = await count(suite, temporary.path);
    const left = temporary.left();
    if (left.length === 0) return counts;
    console.error(`${suite.name} left behind in its temporary folder: ${left.join(', ')}`);
    return failedSuite(counts);
  } finally {
    temporary.remove();
  }
}

async function count(suite: Suite, temporary: string): Promise<Counts> {
  const ok = await succeeds(suite.command, temporary);
  const counts =
    suite.counts === undefined ? { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 } : suite.counts();
  // A suite that failed and counted nothing as failed did not even start.
  if (!ok && (counts === undefined || counts.failed === 0)) return failedSuite(counts);
  return counts ?? failedSuite();
}

function succeeds([command, ...args]: readonly [string, ...string[]], temporary: string): Promise<boolean> {
  // No provider key, and empty rather than absent so that none comes out of .env: a test never talks to a provider.
  const keys = Object.fromEntries(providers.map(({ variable }) => [variable, '']));
  const env = { ...process.env, ...keys, TMPDIR: temporary };
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', (error) => {
      console.error(messageOf(error));
      resolve(false);
    });
    child.once('exit', (code) => resolve(code === 0));
  });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`test: ${messageOf(error)}`);
    process.exit(1);
  },
);
