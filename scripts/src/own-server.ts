/** A new MCP server of one's own: a folder under mcp/ that builds, passes its test and serves. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartError } from './errors';
import { root } from './paths';

const templates = join(root, 'scripts', 'templates', 'own-server');

export interface OwnServer {
  /** Letters, digits and dashes: the folder, and with `mcp-` before it the container. */
  readonly name: string;
  readonly alias: string;
  readonly description: string;
  readonly port: number;
}

/** Writes the folder `<mcp>/<name>` from the template; returns its files. Throws `StartError` where it exists. */
export function writeOwnServer(mcp: string, server: OwnServer): string[] {
  const { name, alias, description, port } = server;
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 30)
    throw new StartError(
      `The name of a server is of small letters, digits and single dashes, 30 at most, got "${name}".`,
    );
  const folder = join(mcp, name);
  if (existsSync(folder)) throw new StartError(`${folder} exists already: choose another name.`);
  const key = name.replaceAll('-', '_');
  const values: Readonly<Record<string, string>> = {
    name,
    key,
    alias,
    // It stands in comments, in YAML and in Markdown.
    description: description
      .replace(/\s+/g, ' ')
      .replace(/["\\`*]/g, '')
      .trim(),
    prefix: key,
    port: `${port}`,
    port_variable: `MCP_${key.toUpperCase()}_PORT`,
  };
  return filesOf(templates).map((template) => {
    const file = join(
      folder,
      template.replace(/\.txt$/, '').replace(/^env\.example$/, `${name}.env.example`),
    );
    const text = readFileSync(join(templates, template), 'utf8').replace(
      /\{\{(\w+)\}\}/g,
      (_, each: string) => values[each] ?? '',
    );
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: 'wx' });
    return file;
  });
}

/** The first port of the table of mcp/ that no server has. */
export function nextPort(mcp: string): number {
  const taken = readdirSync(mcp).flatMap((name) => {
    const file = join(mcp, name, 'compose.yml');
    if (!existsSync(file)) return [];
    return [...readFileSync(file, 'utf8').matchAll(/:-(48\d{3})\}/g)].map((match) => Number(match[1]));
  });
  return Math.max(48_000, ...taken) + 1;
}

function filesOf(dir: string, below = ''): string[] {
  return readdirSync(join(dir, below), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesOf(dir, join(below, entry.name)) : [join(below, entry.name)],
  );
}
