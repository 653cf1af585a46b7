/** The tests that stand in the sources, whether they ran or not. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths';

const sources = new Map<string, string | undefined>();

/** True where this file has a test, or a block of tests, with this piece in its name. */
export function hasTest(file: string, piece: string): boolean {
  const source = sourceOf(file);
  return source !== undefined && (piece === '*' || source.includes(piece.split(' > ').at(-1) ?? ''));
}

function sourceOf(file: string): string | undefined {
  if (!sources.has(file)) {
    const path = join(root, file);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    sources.set(file, text?.replaceAll("\\'", "'"));
  }
  return sources.get(file);
}
