import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
const node = ['-r', 'ts-node/register/transpile-only', join(root, 'bench', 'cli.ts')];

/** As `./scripts/bench` starts it; no timing is expected here, the machine may be busy. */
function bench(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...node, ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 280_000,
    maxBuffer: 2 ** 26,
    env: { ...process.env, TS_NODE_PROJECT: join(root, 'bench', 'tsconfig.json'), TOOLTURN_BENCH_NEWEST: '' },
  });
  return { status, stdout, stderr };
}

it('a row measures every subject in turns with real parts, and its JSON is whole', () => {
  const { status, stdout, stderr } = bench('--quick', '--json', '--row', 'three-rounds', '--row', 'ledger');
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({
    quick: true,
    failed: [],
    machine: { cores: expect.any(Number), node: process.versions.node },
    versions: { litellm: expect.stringMatching(/^1\.\d+/) },
  });
  expect(report.providerMs).toBeGreaterThan(0);
  expect(report.rows.map((row: any) => row.name)).toEqual(['three-rounds', 'ledger']);
  const figures = report.rows.flatMap((row: any) => row.figures);
  for (const each of figures) {
    expect(each).toMatchObject({
      what: expect.any(String),
      subject: expect.any(String),
      verdict: expect.any(String),
    });
    expect(Number.isFinite(each.value)).toBe(true);
    expect(each.low).toBeLessThanOrEqual(each.value);
    expect(each.high).toBeGreaterThanOrEqual(each.value);
  }
  // Counted, not timed: a conversation of any length is looked up in one round trip.
  expect(figures.find((each: any) => each.unit === 'round trips')).toMatchObject({
    value: 1,
    verdict: 'reached',
  });
}, 300_000);

it('lists its rows, and refuses one that there is not', () => {
  const listed = bench('--list');
  expect(listed.stdout).toContain('plain-chat');
  expect(listed.stdout.trim().split('\n')).toHaveLength(12);
  const { status, stderr } = bench('--row', 'no-such-row');
  expect(status).toBe(1);
  expect(stderr).toContain('There is no row no-such-row; there are plain-chat,');
}, 60_000);
