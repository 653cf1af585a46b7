/** Renders docs/clients/tested.md from the settings that the tests run with. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  dialectNames,
  excerptOf,
  libraries,
  programs,
  type LibrarySettings,
  type ProgramSettings,
} from './settings';

const pinned = JSON.parse(readFileSync(join(__dirname, 'package.json'), 'utf8'))
  .optionalDependencies as Record<string, string>;
const pinnedPython = new Map(
  readFileSync(join(__dirname, 'requirements.lock'), 'utf8')
    .split('\n')
    .map((line) => line.split('==') as [string, string]),
);

export function renderDocs(): string {
  return [
    '# Tested clients',
    '',
    '[Clients](../clients.md) has a page for each client. Below are the versions and settings of eight of them as the tests run',
    'them: `scripts/test-clients` installs these versions and runs them with exactly these settings; this page is rendered from the same',
    'file (`tests/clients/settings.ts`, `scripts/test-clients --write-docs`).',
    '',
    'Each of them is shown to get an answer that needed a tool of an MCP server; to use a tool of its own and one of',
    'Toolturn’s in the same round; to go on with a conversation in which the model sees the tool call that the client',
    'never saw; and never to be told of a tool that it did not send. Libraries are asked with and without streaming.',
    '',
    '`LITELLM_URL` is LiteLLM’s address, `http://127.0.0.1:4000` for instance, and `LITELLM_KEY` a key of it. Models are named as in',
    'LiteLLM’s `model_list`.',
    '',
    ...programs.flatMap(programSection),
    ...libraries.flatMap(librarySection),
  ].join('\n');
}

function programSection(settings: ProgramSettings): string[] {
  const { title, package: name, dialect, env, files, ask, goOn, quiet, notes } = settings;
  return [
    `## ${title}`,
    '',
    `\`${name}\` ${pinned[name]}, ${dialectNames[dialect]}.`,
    '',
    ...Object.entries(files).flatMap(([path, text]) => [
      `\`~/${path}\`:`,
      '',
      ...fenced('toml', shell(text).trim()),
    ]),
    ...fenced('sh', [...exports(env), ...commands(ask, goOn)].join('\n')),
    ...notes.flatMap((note) => [note, '']),
    'The tests add, so that it keeps to itself and prints what it does:',
    '',
    ...fenced('sh', [...exports(quiet.env), `${ask[0]} … ${quiet.args.join(' ')}`].join('\n')),
    ...Object.entries(quiet.files).flatMap(([path, text]) => [
      `\`~/${path}\`:`,
      '',
      ...fenced(path.endsWith('.json') ? 'json' : 'toml', text.trim()),
    ]),
  ];
}

function librarySection({ title, language, packages, app, variants, notes }: LibrarySettings): string[] {
  const used = [...packages, ...variants.flatMap((variant) => variant.package ?? [])];
  const version = (name: string): string | undefined =>
    language === 'node' ? pinned[name] : pinnedPython.get(name);
  const forms = new Set(variants.map(({ dialect }) => dialectNames[dialect]));
  return [
    `## ${title}`,
    '',
    `${used.map((name) => `\`${name}\` ${version(name)}`).join(', ')}; ${[...forms].join(', ')}.`,
    '',
    ...fenced(language === 'node' ? 'js' : 'python', excerptOf(app)),
    ...notes.flatMap((note) => [note, '']),
  ];
}

const shell = (text: string): string => text.replaceAll('$LITELLM_URL', 'http://127.0.0.1:4000');

function exports(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env)
    .filter(([name, value]) => value !== `$${name}`)
    .map(([name, value]) => `export ${name}=${value}`);
}

function commands(...all: readonly (readonly string[])[]): string[] {
  return all.map((words) => words.map((word) => (word === '$PROMPT' ? '"…"' : word)).join(' '));
}

function fenced(language: string, text: string): string[] {
  return [`\`\`\`${language}`, text, '```', ''];
}
