/** Renders docs/mcp-server-list.md from the settings that the tests run with and from what they found. */
import { stringify } from 'yaml';
import { readManifest, type Expected } from './manifest';
import { documented } from './place';
import { entryOf, publicName, servers, versionOf, type Server } from './settings';
import { uses } from './uses';

export function renderDocs(): string {
  const manifest = readManifest();
  return [
    '# MCP servers',
    '',
    'These servers are run as their packages bring them, in the versions below, behind LiteLLM and Toolturn:',
    '`scripts/test-servers` installs them, starts them with the settings on this page, takes a turn with each of them, and',
    'compares their tools with `tests/servers/manifest.json`. This page is rendered from what it found',
    '(`scripts/test-servers --write-docs`). Any other MCP server is configured in the same way.',
    '',
    'Bytes are the size of the tools’ definitions as a model gets them. Servers that are offered together and are larger than',
    '`catalog.search_above_tokens` are searched in place of being listed.',
    '',
    '| server | package | version | transport | protocol | tools | bytes |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...servers.map((server) => rowOf(server, manifest[server.name])),
    '',
    ...servers.flatMap((server) => sectionOf(server, manifest[server.name])),
  ].join('\n');
}

function rowOf(server: Server, found: Expected | undefined): string {
  const cells = [
    `[${server.title}](#${anchorOf(server.title)})`,
    `\`${server.package}\``,
    versionOf(server),
    server.transport,
    found?.protocol ?? '?',
    `${found?.tools.length ?? '?'}`,
    `${found?.bytes ?? '?'}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function sectionOf(server: Server, found: Expected | undefined): string[] {
  const { title, name, registry, transport, notes } = server;
  const url = `http://${name.replaceAll('_', '-')}:${server.port ?? 0}${server.path ?? ''}`;
  const settings = server.toolturn;
  const config = {
    mcp_servers: { [name]: entryOf(server, documented, url) },
    ...(settings === undefined ? {} : { toolturn: { servers: { [publicName(server)]: settings } } }),
  };
  const started = transport === 'stdio' ? [] : ['Started with', '', ...fenced('sh', commandOf(server))];
  const missing = found?.not_offered ?? [];
  return [
    `## ${title}`,
    '',
    `\`${server.package}\` ${versionOf(server)} (${registry}).`,
    '',
    ...started,
    ...fenced('yaml', stringify(config, { lineWidth: 0 }).trim()),
    ...notes.flatMap((note) => [note, '']),
    `Tools, as \`${publicName(server)}__…\`: ${(found?.tools ?? []).map((tool) => `\`${tool}\``).join(', ')}.`,
    ...(missing.length === 0 ? [] : [`Not offered: ${missing.map((tool) => `\`${tool}\``).join(', ')}.`]),
    `The turn of the test ${turnOf(server)}.`,
    '',
  ];
}

function turnOf(server: Server): string {
  const use = uses[server.name];
  if (use?.failure !== undefined) return 'calls a tool without a network, and the model reads of the failure';
  return 'gets its answer from it';
}

function commandOf(server: Server): string {
  const { command, args, env = {} } = server.command(documented, server.port ?? 0);
  const variables = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
  return [...variables, command, ...args].join(' ');
}

const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-');

function fenced(language: string, text: string): string[] {
  return [`\`\`\`${language}`, text, '```', ''];
}
