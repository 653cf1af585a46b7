/** `./scripts/add-server`: asks or reads what a server is, shows the change, makes it, and ends with the doctor. */
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline/promises';
import { addServerEntry } from './add-entry';
import { flag, numberOf, readCommand, text, texts } from './arguments';
import { messageOf, StartError } from './errors';
import { unifiedDiff } from './install-diff';
import { readText, writeWhole } from './install-files';
import { readConfigText, valueOf } from './install-yaml';
import { isRecord } from './json';
import { askDoctor } from './operate/ask-doctor';
import { nextPort, writeOwnServer } from './own-server';
import { root } from './paths';
import { runScript } from './run-script';
import { addStackService } from './stack-service';

const say = (...lines: string[]): void => console.log(lines.join('\n'));
const transports = ['http', 'sse', 'stdio'];

const options = {
  config: text,
  name: text,
  alias: text,
  description: text,
  transport: text,
  url: text,
  command: text,
  token: text,
  health: text,
  folder: text,
  'new-own': text,
  port: text,
  mcp: text,
  'env-file': texts,
  yes: flag,
};

type Answers = { readonly name: string; readonly entry: Record<string, unknown> };

/** 0: added, and the doctor is content; 1: not added; 2: added, and the doctor found errors, or nobody to ask. */
async function addServer(args: readonly string[]): Promise<number> {
  const { values, positionals } = readCommand('add-server', args, options);
  if (positionals.length > 0)
    throw new StartError(
      `There is no "${positionals[0]}" to say to add-server (see ./scripts/add-server --help).`,
    );
  const config = resolve(values.config ?? 'config.yaml');
  if (!existsSync(config))
    throw new StartError(`There is no config ${config}: name LiteLLM's config with --config.`);
  const terminal =
    process.stdin.isTTY === true && values.yes !== true
      ? createInterface({ input: process.stdin, output: process.stdout })
      : undefined;
  try {
    const { name, entry } =
      values['new-own'] === undefined ? await answers(values, terminal) : newOwn(values['new-own'], values);
    const before = readText(config);
    const after = addServerEntry(before, config, name, entry);
    say('', unifiedDiff(before, after, config), '');
    if (values.yes !== true) {
      if (terminal === undefined) {
        say('The config was not changed: there is no terminal to ask at. Say yes with --yes.');
        return 2;
      }
      if (!/^y(es)?$/i.test((await terminal.question('Write it? [y/N] ')).trim())) {
        say('The config was not changed.');
        return 1;
      }
    }
    writeWhole(`${config}.before-${name}`, before, config, 0o600);
    writeWhole(config, after, config);
    say(`Written; the config before is ${config}.before-${name}.`);
    const { code, report } = await askDoctor(config, {
      envFiles: values['env-file'] ?? [],
      environment: () => ({}),
    });
    say('', report);
    say(
      '',
      'Start LiteLLM and hook-service again, then try it:',
      '',
      `  ./scripts/verify --config ${config} --model MODEL --server ${typeof entry.alias === 'string' ? entry.alias : name}`,
    );
    return code >= 2 ? 2 : 0;
  } finally {
    terminal?.close();
  }
}

type Given = { readonly [Name in keyof typeof options]?: unknown };

/** The entry from the flags; what is missing is asked for where there is a terminal. */
async function answers(given: Given, terminal: Interface | undefined): Promise<Answers> {
  if (typeof given.folder === 'string') return fromFolder(given.folder);
  const ask = async (
    flagName: keyof typeof options,
    question: string,
    otherwise?: string,
  ): Promise<string> => {
    const value = given[flagName];
    if (typeof value === 'string') return value;
    if (terminal === undefined) {
      if (otherwise !== undefined) return otherwise;
      throw new StartError(`--${flagName} is missing (see ./scripts/add-server --help).`);
    }
    const said = (await terminal.question(`${question}${otherwise ? ` [${otherwise}]` : ''}: `)).trim();
    return said || otherwise || '';
  };
  const name = await ask('name', 'Name (letters, digits, _)');
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name))
    throw new StartError(`The name of a server is of letters, digits and _, without a dash, got "${name}".`);
  const alias = await ask('alias', 'Alias, which stands before the names of its tools', name);
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(alias))
    throw new StartError(`An alias is of letters, digits and _, without a dash, got "${alias}".`);
  const description = await ask('description', 'What it is for, in a sentence', '');
  const transport = await ask(
    'transport',
    'Transport: http, sse or stdio',
    typeof given.command === 'string' ? 'stdio' : 'http',
  );
  if (!transports.includes(transport))
    throw new StartError(`--transport must be one of ${transports.join(', ')}, got "${transport}".`);
  const entry: Record<string, unknown> = {
    ...(alias === name ? {} : { alias }),
    ...(description === '' ? {} : { description }),
    transport,
  };
  if (transport === 'stdio') {
    const [command = '', ...args] = (await ask('command', 'Command with its arguments'))
      .split(/\s+/)
      .filter((word) => word !== '');
    if (command === '') throw new StartError('The command of a stdio server is empty.');
    return { name, entry: { ...entry, command, ...(args.length === 0 ? {} : { args }) } };
  }
  const url = await ask('url', 'Address, such as http://mcp-mine:8000/mcp');
  if (!/^os\.environ\/\w+$/.test(url) && (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)))
    throw new StartError(
      `--url must be an address such as http://mcp-mine:8000/mcp, or os.environ/NAME, got "${url}".`,
    );
  const token = await ask('token', 'Variable that holds its token (not the token), empty for none', '');
  if (token !== '' && !/^[A-Z][A-Z0-9_]*$/.test(token))
    throw new StartError(
      '--token is the name of a variable, such as MCP_MINE_TOKEN; the token itself belongs in an env file.',
    );
  const health = typeof given.health === 'string' ? { health_check: given.health } : {};
  return {
    name,
    entry: {
      ...entry,
      url,
      ...(token === '' ? {} : { auth_type: 'bearer_token', auth_value: `os.environ/${token}` }),
      ...health,
    },
  };
}

/** The entry that a folder of mcp/ has in its own config.yaml. */
function fromFolder(folder: string): Answers {
  const file = join(resolve(folder), 'config.yaml');
  if (!existsSync(file)) throw new StartError(`There is no ${file}: name a folder of mcp/.`);
  const content = readText(file);
  readConfigText(content, file);
  const value = valueOf(content);
  const [first, ...others] = Object.entries(
    isRecord(value) && isRecord(value.mcp_servers) ? value.mcp_servers : {},
  );
  if (first === undefined || others.length > 0 || !isRecord(first[1]))
    throw new StartError(`${file} must have one entry under mcp_servers.`);
  return { name: first[0], entry: first[1] };
}

function newOwn(name: string, given: Given): Answers {
  const mcp = resolve(typeof given.mcp === 'string' ? given.mcp : join(root, 'mcp'));
  const port = typeof given.port === 'string' ? numberOf('--port', given.port, 1024, 65_535) : nextPort(mcp);
  const key = name.replaceAll('-', '_');
  const alias = typeof given.alias === 'string' ? given.alias : key;
  if (given.alias !== undefined && !/^[A-Za-z][A-Za-z0-9_]*$/.test(alias))
    throw new StartError(`An alias is of letters, digits and _, without a dash, got "${alias}".`);
  const description = typeof given.description === 'string' ? given.description : `The server ${name}.`;
  const files = writeOwnServer(mcp, { name, alias, description, port });
  say(
    `A new server in ${join(mcp, name)}:`,
    ...files.map((file) => `  ${file.slice(mcp.length + 1)}`),
    ...addToStack(mcp, name),
    '',
    `Build and test it: npm run build && npx jest --selectProjects unit mcp/${name}`,
  );
  return fromFolder(join(mcp, name));
}

/** One more service in the stack beside the folder of servers, where there is one; returns what to say of it. */
function addToStack(mcp: string, name: string): string[] {
  const file = join(dirname(mcp), 'compose', 'stack.yml');
  if (!existsSync(file)) return [];
  const before = readText(file);
  try {
    const composeFile = relative(dirname(file), join(mcp, name, 'compose.yml'));
    writeWhole(file, addStackService(before, file, name, composeFile), file);
    return [`and its service in ${file}, in the profiles ${name} and all.`];
  } catch (error) {
    // The server stands without it.
    return [messageOf(error)];
  }
}

runScript('add-server', addServer);
