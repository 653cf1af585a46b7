/** Where the servers of the suite find what they need; once for a run, once in the words of the documentation. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { stateDir } from '../../scripts/src/paths';

export interface Place {
  /** A folder with files to read. */
  readonly files: string;
  /** Where a server keeps what it writes. */
  readonly data: string;
  /** The `node_modules` with the servers from npm. */
  readonly packages: string;
  /** A Node that runs most of them, and one of version 22 or newer. */
  readonly node: string;
  readonly newNode: string;
  /** A program of a Python environment. */
  readonly python: (environment: 'fetch' | 'postgres-mcp', program: string) => string;
  readonly chromium: string;
  /** A connection string for a role that may only read. */
  readonly dsn: (database: string) => string;
}

const installed = join(stateDir, 'servers');

/** Where `scripts/test-servers` installs. */
export const installation = {
  packages: join(installed, 'node_modules'),
  newNode: join(installed, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node'),
  python: (environment: string, program: string): string =>
    join(installed, `${environment}-venv`, 'bin', program),
  chromium: onPath('chromium', 'chromium-browser', 'google-chrome'),
};

/** The place of the documentation. */
export const documented: Place = {
  files: '/srv/files',
  data: '/srv/data',
  packages: '/opt/mcp/node_modules',
  node: 'node',
  newNode: 'node',
  python: (environment, program) => `/opt/mcp/${environment}-venv/bin/${program}`,
  chromium: '/usr/bin/chromium',
  dsn: (database) => `postgres://reader:<password>@postgres:5432/${database}`,
};

function onPath(...names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}
