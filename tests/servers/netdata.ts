/** A Netdata of our own, as Debian packages it, on loopback: the agent with its metrics of this machine. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDir } from '../../scripts/src/paths';
import { freePort, startProcess, waitUntil } from '../../scripts/src/processes';

/** Where `scripts/test-servers` unpacks Debian's package; else where Debian installs it. */
const roots = [join(stateDir, 'servers', 'netdata'), '/'];

export interface Netdata {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts it in `dir`, where it keeps all that it writes. Resolves when it has measured something. */
export async function startNetdata(dir: string): Promise<Netdata> {
  const root = roots.find((each) => existsSync(join(each, 'usr', 'sbin', 'netdata')));
  if (root === undefined)
    throw new Error('Netdata is not there: run scripts/test-servers and read what it says.');
  const port = await freePort();
  for (const name of ['config', 'cache', 'lib', 'log']) mkdirSync(join(dir, name), { recursive: true });
  const config = join(dir, 'config', 'netdata.conf');
  const user = process.getuid?.() === 0 ? ['[global]', 'run as user = root'] : [];
  writeFileSync(
    config,
    [
      ...user,
      '[directories]',
      `config = ${join(dir, 'config')}`,
      `cache = ${join(dir, 'cache')}`,
      `lib = ${join(dir, 'lib')}`,
      `home = ${join(dir, 'lib')}`,
      `log = ${join(dir, 'log')}`,
      `web = ${join(dir, 'lib')}`,
      `stock config = ${join(root, 'usr/lib/netdata/conf.d')}`,
      `plugins = ${join(root, 'usr/lib/netdata/plugins.d')}`,
      '[db]',
      'mode = ram',
      '[web]',
      `bind to = 127.0.0.1:${port}`,
      // It reads /proc itself; its other collectors are programs, and none is needed.
      '[plugins]',
      ...[
        'apps',
        'cgroups',
        'tc',
        'idlejitter',
        'python.d',
        'charts.d',
        'go.d',
        'node.d',
        'ebpf',
        'perf',
        'nfacct',
      ].map((name) => `${name} = no`),
      '',
    ].join('\n'),
  );
  const running = await startProcess({
    name: 'Netdata',
    command: join(root, 'usr', 'sbin', 'netdata'),
    args: ['-D', '-c', config],
    env: { PATH: process.env['PATH'], HOME: dir },
    cwd: dir,
    logFile: join(dir, 'netdata.log'),
  });
  const url = `http://127.0.0.1:${port}`;
  const measured = async (): Promise<boolean> => {
    const response = await fetch(`${url}/api/v1/data?chart=system.cpu&after=-60&points=60&format=json`, {
      signal: AbortSignal.timeout(2_000),
    });
    const { data } = (await response.json()) as { data?: unknown[] };
    return (data?.length ?? 0) >= 2;
  };
  try {
    await waitUntil(measured, { timeoutMs: 60_000, what: 'Netdata', process: running });
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { url, stop: () => running.stop() };
}
