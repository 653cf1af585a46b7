/** The credential of one MCP server, wherever the env files of the stack hold it. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { StartError } from '../errors';
import { readText } from '../install-files';
import { valueOf } from '../install-yaml';
import { isRecord } from '../json';
import type { Installation } from '../operate/installation';
import { changeAndVerify, filesWith, partHealth } from './change';

/**
 * Puts a new token into every env file that holds its variable, starts anew who reads it, and asks whether the servers
 * that use it still work; where one does not, everything goes back.
 */
export async function rotateServerToken(
  installation: Installation,
  name: string,
  newToken: () => Promise<string>,
  say: (line: string) => void,
): Promise<void> {
  const servers = serversOf(installation);
  const variable = variableNamed(name, servers);
  const files = filesWith(installation, [variable]);
  if (files.length === 0)
    throw new StartError(`${variable} stands in no env file of this stack: name the file with --env-file.`);
  const token = await newToken();
  const users = servers.filter(({ variables }) => variables.includes(variable));
  // The container of a server of ours has its own env file: mcp/<name>/<name>.env of mcp-<name>.
  const containers =
    installation.kind === 'compose' ? files.map((file) => [`mcp-${basename(file, '.env')}`]) : [];
  const well = new Map<string, boolean>();
  for (const { part } of users)
    well.set(part, (await partHealth(installation, `mcp:${part}`)).state === 'ready');
  await changeAndVerify(installation, {
    names: [variable],
    changes: { [variable]: token },
    restart: [...containers, ['hook-service'], ['litellm']],
    verify: async () => {
      for (const { part } of users) {
        const { state, reason } = await partHealth(installation, `mcp:${part}`);
        // One that did not work before may be why the token is changed.
        if (state !== 'ready')
          throw new StartError(
            `The server ${part} is ${state} with the new token${reason === undefined ? '' : ` (${reason})`}.`,
          );
        say(`  ${part}: ready${well.get(part) === true ? '' : ', which it was not before'}`);
      }
    },
    say,
  });
  if (users.length === 0) say(`  no server of the config names ${variable}: nothing could be tried`);
}

interface NamedServer {
  /** Its name in /health/ready: the alias, else the name. */
  readonly part: string;
  readonly name: string;
  readonly variables: readonly string[];
}

function serversOf(installation: Installation): NamedServer[] {
  if (!existsSync(installation.config))
    throw new StartError(`There is no config ${installation.config}: name it with --config.`);
  const config = valueOf(readText(installation.config));
  const servers = isRecord(config) && isRecord(config.mcp_servers) ? config.mcp_servers : {};
  return Object.entries(servers).map(([name, entry]) => ({
    name,
    part: isRecord(entry) && typeof entry.alias === 'string' ? entry.alias : name,
    variables: [...JSON.stringify(entry ?? {}).matchAll(/os\.environ\/(\w+)/g)].map(
      (match) => match[1] ?? '',
    ),
  }));
}

/** A variable, or a server with one credential. */
function variableNamed(name: string, servers: readonly NamedServer[]): string {
  const server = servers.find((each) => each.name === name || each.part === name);
  if (server === undefined) {
    if (/^[A-Z][A-Z0-9_]*$/.test(name)) return name;
    throw new StartError(
      `There is no server ${name} in the config; there are ${servers.map((each) => each.part).join(', ') || 'none'}. A variable is named in capitals.`,
    );
  }
  const secret = server.variables.filter((variable) => !/_URL$|_HOST$|_PORT$/.test(variable));
  if (secret.length === 1 && secret[0] !== undefined) return secret[0];
  throw new StartError(
    secret.length === 0
      ? `The entry of ${name} names no variable with a token.`
      : `${name} uses several variables: name one of ${secret.join(', ')}.`,
  );
}
