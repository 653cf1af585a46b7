import { mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileWatch } from './file-watch';

let dir: string;
let watch: FileWatch;
let changes: number;
let heard: () => void;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'toolturn-watch-'));
  changes = 0;
  heard = () => undefined;
});
afterEach(() => {
  watch.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A watch that looks by itself only as often as it is told. */
async function watching(pollMs: number, ...files: string[]): Promise<void> {
  watch = new FileWatch({
    pollMs,
    onChange: () => {
      changes += 1;
      heard();
    },
  });
  await watch.follow(files);
}
const path = (name: string): string => join(dir, name);
const write = (name: string, text: string): void => writeFileSync(path(name), text);
const told = (work: () => void): Promise<void> =>
  new Promise((resolve) => {
    heard = resolve;
    work();
  });

test.each([
  ['the events of the system alone', 3_600_000],
  ['looking again and again', 20],
])('a write is noticed by %s', async (_how, pollMs) => {
  write('config.yaml', 'a');
  await watching(pollMs, path('config.yaml'));
  await told(() => write('config.yaml', 'b'));
});

test('a file that takes the place of another is noticed, again and again', async () => {
  write('config.yaml', 'a');
  await watching(3_600_000, path('config.yaml'));
  for (const text of ['b', 'c'])
    await told(() => {
      write('new', text);
      renameSync(path('new'), path('config.yaml'));
    });
});

test('a link that leads elsewhere is noticed, as where a folder of mounts is replaced', async () => {
  write('one', 'a');
  write('two', 'b');
  symlinkSync('one', path('config.yaml'));
  await watching(20, path('config.yaml'));
  await told(() => {
    symlinkSync('two', path('link'));
    renameSync(path('link'), path('config.yaml'));
  });
});

test('a file that is missing is noticed when it comes, and one that goes when it goes', async () => {
  await watching(20, path('more.yaml'), join(dir, 'no', 'such', 'folder'));
  await told(() => write('more.yaml', 'a'));
  await told(() => rmSync(path('more.yaml')));
});

test('a write of the same length with the time set back is seen', async () => {
  write('config.yaml', 'a');
  const at = new Date('2020-01-01');
  utimesSync(path('config.yaml'), at, at);
  await watching(3_600_000, path('config.yaml'));
  expect(await watch.look()).toBe(false);
  write('config.yaml', 'b');
  utimesSync(path('config.yaml'), at, at);
  await watch.look();
  expect(changes).toBeGreaterThan(0);
});

test('what happens to other files, or to one that is followed no more, is nothing', async () => {
  write('config.yaml', 'a');
  await watching(3_600_000, path('config.yaml'), path('env'));
  expect(await watch.follow([path('config.yaml')])).toBe(false);
  write('env', 'a');
  write('log', 'a');
  expect(await watch.look()).toBe(false);
  expect(await watch.follow([path('config.yaml'), path('env')])).toBe(true);
  expect(changes).toBe(0);
});
