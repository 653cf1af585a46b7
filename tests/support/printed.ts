/** Runs what is printed for people to copy: programs of `toolturn clients`, and the curl lines of the documents. */
import { readdirSync, readFileSync, symlinkSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../clients/run';
import type { Setup } from '../../hook-service/src/cli/client-setups';
import { root } from '../../scripts/src/paths';

/** Where packages are found and programs may write. */
export interface Desk {
  readonly dir: string;
  readonly nodeModules: string;
  readonly node: string;
  readonly python: string;
}

/** Runs a printed program as it is; gives what it prints. Throws where it does not end well. */
export async function runPrinted(code: NonNullable<Setup['code']>, desk: Desk): Promise<string> {
  const link = join(desk.dir, 'node_modules');
  if (!existsSync(link)) symlinkSync(desk.nodeModules, link);
  const file = join(desk.dir, { js: 'printed.mjs', python: 'printed.py', sh: 'printed.sh' }[code.language]);
  writeFileSync(file, code.text);
  const command = { js: [desk.node, file], python: [desk.python, file], sh: ['bash', file] }[code.language];
  return finished(command, desk.dir);
}

/** Runs shell text as it is printed; curl fails on a status that is an error. */
export function runShell(text: string, dir: string, env: Record<string, string>): Promise<string> {
  const failing = 'curl() { command curl --silent --show-error --fail-with-body "$@"; }';
  return finished(['bash', '-euo', 'pipefail', '-c', `${failing}\n${text}`], dir, env);
}

async function finished(command: readonly string[], dir: string, env: object = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, {
    cwd: dir,
    env: { PATH: process.env.PATH ?? '', HOME: dir, LANG: 'C.UTF-8', ...env },
    timeoutMs: 60_000,
  });
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${stdout}\n${stderr}`);
  return stdout;
}

/** Something in a document that calls curl. */
export interface PrintedCurl {
  readonly file: string;
  readonly text: string;
}

/** Every curl line of README and docs: blocks that begin with one, and those between backticks. */
export function printedCurls(): PrintedCurl[] {
  const documents = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  const pages = ['README.md', ...documents.map((name) => join('docs', name))];
  return pages
    .filter((page) => page.endsWith('.md'))
    .flatMap((file) => {
      const page = readFileSync(join(root, file), 'utf8');
      const blocks = [...page.matchAll(/^```[^\n]*\n([^]*?)^```$/gm)].map(([, text = '']) => text.trim());
      const inline = page
        .replace(/^```[^]*?^```$/gm, '')
        .split('\n')
        .flatMap((line) => [...line.matchAll(/`(curl [^`]*)`/g)].map(([, text = '']) => text));
      return [...blocks.filter((text) => /^curl /.test(text)), ...inline].map((text) => ({ file, text }));
    });
}
