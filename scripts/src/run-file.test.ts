import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { minimalEnv } from './environment';
import { defaultPort } from './options';
import { portFor, requireFree } from './part-ports';
import { freePort, startProcess, type RunningProcess } from './processes';
import { runningParts, stopRun, writeRunFile } from './run-file';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-run-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function sleeper(name: string): Promise<RunningProcess> {
  return startProcess({
    name,
    logFile: join(dir, `${name}.log`),
    command: process.execPath,
    args: ['-e', 'setInterval(() => {}, 1000)'],
    env: minimalEnv(),
  });
}

function write(
  file: string,
  processes: { name: string; pid: number; startTime: string; logFile: string }[],
): void {
  writeRunFile(file, {
    started_at: new Date().toISOString(),
    port: 1,
    urls: {},
    keys: { toolturn_secret: 'TOOLTURN_SECRET' },
    secrets_file: join(dir, 'secrets.env'),
    config: { original: 'a', copy: 'b' },
    processes: processes.map(({ name, pid, startTime, logFile }) => ({
      name,
      pid,
      start_time: startTime,
      log_file: logFile,
    })),
  });
}

async function down(file: string): Promise<string> {
  const told: string[] = [];
  await stopRun(file, (line) => told.push(line));
  return told.join('\n');
}

test('down stops the processes of the run file, the last started first, and nothing the second time', async () => {
  const file = join(dir, 'run.json');
  const [a, b] = [await sleeper('a'), await sleeper('b')];
  write(file, [a, b]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(runningParts(file)?.parts.map((part) => part.name)).toEqual(['a', 'b']);
  expect(await down(file)).toBe(`stopped b (pid ${b.pid})\nstopped a (pid ${a.pid})`);
  await Promise.all([a.exited, b.exited]);
  expect(existsSync(file)).toBe(false);
  expect(await down(file)).toMatch(/^Nothing to stop: no detached stack/);
});

test('down never touches a process that only has the pid of one of ours', async () => {
  const file = join(dir, 'reused.json');
  const other = await sleeper('somebody else');
  write(file, [{ ...other, startTime: `${Number(other.startTime) - 5000}` }]);
  expect(await down(file)).toMatch(/^Nothing to stop: all processes of the last stack have ended/);
  expect(other.running).toBe(true);
  expect(existsSync(file)).toBe(false);
  await other.stop();
});

test('down refuses a run file it cannot read, and leaves it for a person to look at', async () => {
  const file = join(dir, 'broken.json');
  writeFileSync(file, '{"processes": 3');
  await expect(down(file)).rejects.toThrow(/broken\.json is not readable/);
  expect(readFileSync(file, 'utf8')).toBe('{"processes": 3');
  writeFileSync(file, '{"processes": [{"name": "init", "pid": 1, "start_time": "1", "log_file": ""}]}');
  expect(await down(file)).toMatch(/^Nothing to stop/);
});

describe('the ports', () => {
  afterEach(() => void delete process.env.TOOLTURN_REDIS_PORT);

  test('of the internal parts are free ones, unless a variable fixes them', async () => {
    const port = await portFor('redis', defaultPort + 1);
    await expect(requireFree(port)).resolves.toBeUndefined();
    process.env.TOOLTURN_REDIS_PORT = `${port}`;
    expect(await portFor('redis', defaultPort + 1)).toBe(port);
  });

  test('that are fixed and in use are one sentence with what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    process.env.TOOLTURN_REDIS_PORT = `${port}`;
    await expect(portFor('redis', 4001)).rejects.toThrow(/TOOLTURN_REDIS_PORT\) is in use.*choose another/);
    await expect(requireFree(port)).rejects.toThrow(/in use by another program.*--port/);
    server.close();
    process.env.TOOLTURN_REDIS_PORT = 'six';
    await expect(portFor('redis', await freePort())).rejects.toThrow(/must be a port/);
  });
});
