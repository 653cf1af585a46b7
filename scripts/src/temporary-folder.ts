/** A temporary folder for one suite of tests, in which everything that it leaves behind is found. */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What programs keep there for their next run: caches of Node and of what compiles for it, and pytest's last folders. */
const kept = /-compile-cache|^pytest-of-/;

export interface TemporaryFolder {
  /** For `TMPDIR`. Short, because paths of sockets have to fit into 107 bytes. */
  readonly path: string;
  /** Names of what is in it, without what programs keep for their next run. */
  left(): string[];
  remove(): void;
}

export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'toolturn.'));
  // A database that is started by root runs as somebody else.
  chmodSync(path, 0o711);
  return {
    path,
    left: () =>
      readdirSync(path)
        .filter((name) => !kept.test(name))
        .sort(),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
