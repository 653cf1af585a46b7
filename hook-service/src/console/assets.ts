import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { styleSheet } from './style';

export interface Asset {
  readonly type: string;
  readonly text: string;
}

const script = (file: string): Asset => ({
  type: 'text/javascript; charset=utf-8',
  text: readFileSync(file, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, ''),
});

/**
 * All that the page loads, by its path below `/assets/`: what `tsc` made of `console-page`, and preact as its package
 * has it. Read once; nothing else can be asked for by a path.
 */
export function readAssets(): ReadonlyMap<string, Asset> {
  const folder = join(__dirname, '..', 'page');
  const own = readdirSync(folder).filter((name) => name.endsWith('.js'));
  return new Map<string, Asset>([
    ...own.map((name): [string, Asset] => [name, script(join(folder, name))]),
    ['preact.js', script(join(dirname(require.resolve('preact/package.json')), 'dist', 'preact.mjs'))],
    ['style.css', { type: 'text/css; charset=utf-8', text: styleSheet }],
    ['icon.svg', { type: 'image/svg+xml', text: icon }],
  ]);
}

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b6e62"/><path d="M8 11h16M16 11v13" stroke="#fff" stroke-width="3.4" stroke-linecap="round" fill="none"/></svg>';
