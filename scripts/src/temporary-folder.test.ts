import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder';

test('a temporary folder tells what was left in it, but not the caches of programs', () => {
  const folder = temporaryFolder();
  try {
    expect(folder.left()).toEqual([]);
    for (const name of ['toolturn-b', 'node-compile-cache', 'pytest-of-root', 'v8-compile-cache-0'])
      mkdirSync(join(folder.path, name));
    writeFileSync(join(folder.path, 'a.log'), 'x');
    expect(folder.left()).toEqual(['a.log', 'toolturn-b']);
    expect((statSync(folder.path).mode & 0o777).toString(8)).toBe('711');
  } finally {
    folder.remove();
  }
  expect(existsSync(folder.path)).toBe(false);
});
