import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

export interface FileWatchOptions {
  /** Told that one of the files may be another than before. */
  readonly onChange: () => void;
  /** How often the files are looked at, whatever the system tells of them. */
  readonly pollMs?: number;
}

/**
 * Tells when one of a few files changes. The system's events make it quick; that the files are looked at again and
 * again makes it sure, because there are no events for a file that is mounted alone into a container, on a network
 * drive, or behind links that are changed, and none when the system has no more watches.
 */
export class FileWatch {
  private readonly seen = new Map<string, string>();
  private watchers = new Map<string, FSWatcher>();
  private names: ReadonlySet<string> = new Set();
  private looking: Promise<void> = Promise.resolve();
  private waiting = false;
  private readonly timer: NodeJS.Timeout;
  private closed = false;

  constructor(private readonly options: FileWatchOptions) {
    this.timer = setInterval(() => void this.look(), options.pollMs ?? 1_000);
    this.timer.unref();
  }

  /**
   * From here on these files, as they are now; one that is not there yet may be among them. True where one of them was
   * not watched before.
   */
  async follow(files: readonly string[]): Promise<boolean> {
    const isNew = (file: string): boolean => !this.seen.has(file);
    const marks = await Promise.all(
      files.filter(isNew).map(async (file) => [file, await markOf(file)] as const),
    );
    if (this.closed) return false;
    for (const [file, mark] of marks) this.seen.set(file, mark);
    for (const file of this.seen.keys()) if (!files.includes(file)) this.seen.delete(file);
    this.names = new Set(files.map((file) => basename(file)));
    const folders = new Set(files.map((file) => dirname(file)));
    for (const [folder, watcher] of this.watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.watchers.delete(folder);
    }
    for (const folder of folders) if (!this.watchers.has(folder)) this.listen(folder);
    return marks.length > 0;
  }

  /** Looks at all files now; true where one is another than when it was last looked at. */
  async look(): Promise<boolean> {
    let changed = false;
    // One look after the other: an older one must not put back what a newer one has seen.
    const looking = this.looking.then(async () => {
      for (const file of [...this.seen.keys()]) {
        const mark = await markOf(file);
        const before = this.seen.get(file);
        if (before === undefined || mark === before) continue;
        this.seen.set(file, mark);
        changed = true;
      }
    });
    this.looking = looking;
    await looking;
    if (changed && !this.closed) this.options.onChange();
    return changed;
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  /** The folder is watched and not the file: editors put a new file in its place. */
  private listen(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || this.names.has(name)) this.lookSoon();
      });
      watcher.on('error', () => {
        watcher.close();
        this.watchers.delete(folder);
      });
      this.watchers.set(folder, watcher);
    } catch {
      // No such folder, or no more watches: the files are looked at all the same.
    }
  }

  /** A write is many events; one look serves all that come meanwhile. */
  private lookSoon(): void {
    if (this.waiting) return;
    this.waiting = true;
    setImmediate(() => {
      this.waiting = false;
      void this.look();
    });
  }
}

/** Whatever is written, one of these is another: the time of the change cannot be set back. */
async function markOf(file: string): Promise<string> {
  try {
    const { ctimeMs, mtimeMs, size, ino, mode } = await stat(file);
    return [ctimeMs, mtimeMs, size, ino, mode].join(':');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
