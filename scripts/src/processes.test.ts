import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { minimalEnv, operatorEnv } from './environment';
import { familyOf, startTimeOf, stillAlive } from './process-table';
import { freePort, isPortFree, startProcess, stopProcesses, waitForHttp, waitUntil } from './processes';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let children = 0;

function node(script: string, extra: { env?: Record<string, string> } = {}) {
  return startProcess({
    logFile: join(dir, `${(children += 1)}.log`),
    name: 'The child',
    command: process.execPath,
    args: ['-e', script],
    env: minimalEnv(extra.env),
  });
}

/** Waits for a line in the child's log: the child tells when it is ready, no time is guessed. */
async function says(child: { tail(): string }, text: string): Promise<string> {
  await waitUntil(async () => child.tail().includes(text), { timeoutMs: 10_000, what: `The line "${text}"` });
  return child.tail();
}

test('a process that ends says how, with its last log lines', async () => {
  const child = await node('console.log("before the end"); process.exit(3)');
  const sentence = await child.exited;
  expect(sentence).toMatch(/^The child ended with exit code 3/);
  expect(sentence).toContain('before the end');
  expect(child.running).toBe(false);
  await child.stop();
});

test('a log that has no place is in the temporary folder, and gone when its process has been stopped', async () => {
  const quiet = { name: 'The child', command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] };
  const child = await startProcess({ ...quiet, env: minimalEnv() });
  expect(child.logFile.startsWith(tmpdir())).toBe(true);
  expect(existsSync(child.logFile)).toBe(true);
  await child.stop();
  expect(existsSync(dirname(child.logFile))).toBe(false);
  expect(child.tail()).toBe('(the log is gone)');
});

test('a command that does not exist is one sentence', async () => {
  const start = startProcess({ name: 'The child', command: '/no/such/program', env: {} });
  await expect(start).rejects.toThrow(/^The child cannot be started: .*ENOENT/);
});

test('waiting for a server fails at once with its log when the server dies', async () => {
  const child = await node('console.error("no config"); process.exit(1)');
  const waiting = waitForHttp(`http://127.0.0.1:${await freePort()}/`, { timeoutMs: 60_000, process: child });
  await expect(waiting).rejects.toThrow(/exit code 1[\s\S]*no config/);
});

test('waiting for a server that never answers ends at the deadline', async () => {
  const waiting = waitForHttp(`http://127.0.0.1:${await freePort()}/`, { timeoutMs: 200 });
  await expect(waiting).rejects.toThrow(/did not answer within/);
});

test('stop ends a process that ignores SIGTERM, its child in another session included', async () => {
  const stubborn = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000);';
  const child = await node(`${stubborn}
    const { spawn } = require('node:child_process');
    const inner = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true });
    console.log('inner', inner.pid, 'ready');`);
  const inner = Number(/inner (\d+) ready/.exec(await says(child, 'ready'))?.[1]);
  expect(startTimeOf(inner)).toBeDefined();
  await child.stop(200);
  expect(startTimeOf(child.pid)).toBeUndefined();
  expect(startTimeOf(inner)).toBeUndefined();
});

test('a leader may end its own children in order before they get a signal from us', async () => {
  const marker = join(dir, 'order.txt');
  const inner = `process.on('SIGTERM', () => { require('node:fs').writeFileSync(${JSON.stringify(marker)}, 'signalled'); process.exit(0); });
    process.stdin.on('end', () => process.exit(0)).resume(); console.log('inner ready');`;
  const child = await node(`
    const { spawn } = require('node:child_process');
    const inner = spawn(process.execPath, ['-e', ${JSON.stringify(inner)}], { stdio: ['pipe', 'inherit', 'inherit'] });
    process.on('SIGTERM', () => { inner.on('exit', () => process.exit(0)); inner.stdin.end(); });`);
  await says(child, 'inner ready');
  await child.stop();
  expect(await child.exited).toContain('exit code 0');
  expect(existsSync(marker)).toBe(false);
});

test('a pid that now belongs to another process is never signalled', async () => {
  const child = await node('setInterval(() => {}, 1000)');
  const stale = { pid: child.pid, startTime: 'another time' };
  expect(familyOf(stale)).toEqual([]);
  expect(stillAlive([stale])).toEqual([]);
  await stopProcesses([stale]);
  expect(child.running).toBe(true);
  await child.stop();
  expect(child.running).toBe(false);
});

test('a child gets the environment it is given and no secret of ours', async () => {
  process.env.TOOLTURN_TEST_KEY = 'sk-secret';
  try {
    const child = await node('console.log(JSON.stringify(process.env))', { env: { PORT: '1' } });
    await child.exited;
    const log = readFileSync(child.logFile, 'utf8');
    expect(log).toContain('"PORT":"1"');
    expect(log).not.toContain('sk-secret');
    expect(operatorEnv({ EXTRA: 'x' })).toMatchObject({ TOOLTURN_TEST_KEY: 'sk-secret', EXTRA: 'x' });
    expect(operatorEnv().NO_PROXY).toMatch(/127\.0\.0\.1,localhost$/);
  } finally {
    delete process.env.TOOLTURN_TEST_KEY;
  }
});

test('a free port lies below those that the kernel gives to outgoing connections, and is not given twice in a row', async () => {
  const [first] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/);
  const ports = [await freePort(), await freePort(), await freePort()];
  expect(new Set(ports).size).toBe(3);
  for (const port of ports) expect(port).toBeLessThan(Number(first));
});

test('a port in use is not free, and a free port is', async () => {
  expect(await isPortFree(await freePort())).toBe(true);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  expect(await isPortFree((server.address() as AddressInfo).port)).toBe(false);
  server.close();
});
