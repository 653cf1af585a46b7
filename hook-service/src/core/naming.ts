import { createHash } from 'node:crypto';
import type { HostTool } from './ports';

/** What every provider accepts as a function name (OpenAI 64 characters; Gemini: no digit or dash first). */
const accepted = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
const longest = 64;

/** True for a name that every provider accepts. */
export const acceptedName = (name: string): boolean => accepted.test(name);

/** A short digest that tells apart names which look alike once they are made acceptable. */
function suffix(server: string, tool: string): string {
  return createHash('sha256').update(server).update('\0').update(tool).digest('hex').slice(0, 8);
}

function withSuffix(name: string, server: string, tool: string): string {
  return `${name.slice(0, longest - 9)}_${suffix(server, tool)}`;
}

/** The name of a tool among those of its own server: what the config calls it, or else the server. */
export const shownName = ({ shownAs, tool }: HostTool): string => shownAs ?? tool;

/**
 * The name under which a tool is offered: `server__tool`, made acceptable to every provider. It depends on
 * the two names alone, so it stays the same across restarts and replicas.
 */
export function offeredName(server: string, tool: string): string {
  const plain = `${server}__${tool}`;
  if (accepted.test(plain)) return plain;
  const cleaned = plain.replace(/[^A-Za-z0-9_-]/g, '_').replace(/^(?=[0-9-])/, '_');
  return withSuffix(cleaned, server, tool);
}

/**
 * Names for a whole catalog, and the way back. Where two tools would share a name (server `a__b` with tool
 * `c`, server `a` with tool `b__c`), the first in catalog order keeps it and the other gets a digest.
 */
export function nameTools(tools: readonly HostTool[]): Map<string, HostTool> {
  const byName = new Map<string, HostTool>();
  for (const tool of tools) {
    let name = offeredName(tool.server, shownName(tool));
    if (byName.has(name)) name = withSuffix(name, tool.server, tool.tool);
    if (!byName.has(name)) byName.set(name, tool);
  }
  return byName;
}
