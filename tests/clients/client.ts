/** The clients of settings.ts as something that holds a conversation. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { stateDir } from '../../scripts/src/paths';
import type { OwnTool } from './provider';
import { run } from './run';
import {
  libraries,
  models,
  programs,
  type Dialect,
  type LibrarySettings,
  type LibraryVariant,
  type ProgramSettings,
} from './settings';

/** Where scripts/test-clients has installed them. */
export const installed = join(stateDir, 'clients');
const nodeModules = join(installed, 'node_modules');
const bin = join(nodeModules, '.bin');
const venv = join(installed, 'venv');

/** Whether this client is to be run: all are where TOOLTURN_CLIENTS names none. */
export function isAskedFor(id: string): boolean {
  const wanted = (process.env.TOOLTURN_CLIENTS ?? '').split(',').filter((name) => name !== '');
  return wanted.length === 0 || wanted.includes(id);
}

/** Where one conversation is held. */
export interface Place {
  /** A fresh folder: HOME and everything else the client writes. */
  readonly home: string;
  /** Where the client works, with note.txt in it. */
  readonly work: string;
  readonly url: string;
  readonly key: string;
  /** With tools of the client's own. */
  readonly own: boolean;
  readonly stream: boolean;
}

export interface Answered {
  /** The final text of each answer. */
  readonly answers: readonly string[];
  /** All that the client printed. */
  readonly output: string;
}

export interface Client {
  readonly id: string;
  readonly name: string;
  readonly dialect: Dialect;
  readonly version: string;
  /** Why it cannot be run here. */
  readonly missing?: string;
  /** Whether it can be told to stream; the programs always do. */
  readonly streams: readonly boolean[];
  ownTool(work: string): OwnTool;
  /** Asks the questions one after the other in one conversation. */
  converse(place: Place, prompts: readonly string[]): Promise<Answered>;
}

/** All clients, a library once for each of its variants. */
export function clients(): Client[] {
  return [
    ...programs.map(program),
    ...libraries.flatMap((library) => library.variants.map((variant) => application(library, variant))),
  ];
}

function program(settings: ProgramSettings): Client {
  const version = nodeVersion(settings.package);
  const [command = ''] = settings.ask;
  return {
    id: settings.id,
    name: settings.title,
    dialect: settings.dialect,
    version: version ?? '-',
    ...missing(version === undefined || !existsSync(join(bin, command)) ? [settings.package] : [], 'node'),
    streams: [true],
    ownTool: (work) => ({
      name: settings.reader.tool,
      arguments: settings.reader.arguments(join(work, 'note.txt')),
    }),
    async converse(place, prompts) {
      const fill = (text: string, prompt = ''): string =>
        text
          .replaceAll('$LITELLM_URL', place.url)
          .replaceAll('$LITELLM_KEY', place.key)
          .replaceAll('$PROMPT', prompt);
      for (const [name, text] of Object.entries({ ...settings.files, ...settings.quiet.files })) {
        const path = join(place.home, name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, fill(text));
      }
      const answers: string[] = [];
      let output = '';
      for (const [at, prompt] of prompts.entries()) {
        const [name = '', ...args] = (at === 0 ? settings.ask : settings.goOn).map((each) =>
          fill(each, prompt),
        );
        const finished = await run([join(bin, name), ...args, ...settings.quiet.args], {
          cwd: place.work,
          env: {
            ...environment(place),
            ...Object.fromEntries(Object.entries(settings.env).map(([key, value]) => [key, fill(value)])),
            ...settings.quiet.env,
          },
          timeoutMs: 120_000,
        });
        output += finished.stdout + finished.stderr;
        if (finished.code !== 0)
          throw new Error(`${name} ended with ${finished.code}:\n${finished.stdout}\n${finished.stderr}`);
        answers.push(settings.answerIn(finished.stdout));
      }
      return { answers, output };
    },
  };
}

function application(library: LibrarySettings, variant: LibraryVariant): Client {
  const wanted = [...library.packages, ...(variant.package === undefined ? [] : [variant.package])];
  const versionOf = library.language === 'node' ? nodeVersion : pythonVersion;
  return {
    id: library.id,
    name: `${library.title}, ${variant.name}`,
    dialect: variant.dialect,
    version: wanted.map(versionOf).join(', '),
    ...missing(
      wanted.filter((name) => versionOf(name) === undefined),
      library.language,
    ),
    streams: [false, true],
    ownTool: () => ({ name: 'read_note', arguments: {} }),
    async converse(place, prompts) {
      for (const file of [library.app, library.language === 'node' ? 'converse.mjs' : 'converse.py'])
        copyFileSync(join(__dirname, 'apps', file), join(place.work, file));
      if (!existsSync(join(place.work, 'node_modules')))
        symlinkSync(nodeModules, join(place.work, 'node_modules'));
      const given = {
        variant: variant.name,
        model: models[variant.dialect],
        stream: place.stream,
        prompts,
        ...(place.own ? { note: join(place.work, 'note.txt') } : {}),
      };
      const interpreter = library.language === 'node' ? join(bin, 'node') : join(venv, 'bin', 'python');
      const { code, stdout, stderr } = await run(
        [interpreter, join(place.work, library.app), JSON.stringify(given)],
        {
          cwd: place.work,
          env: { ...environment(place), LITELLM_URL: place.url, LITELLM_KEY: place.key },
          timeoutMs: 120_000,
        },
      );
      if (code !== 0) throw new Error(`${library.app} ended with ${code}:\n${stdout}\n${stderr}`);
      return { answers: JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), output: stdout + stderr };
    },
  };
}

/** Nothing of ours: a home of its own, and a proxy that refuses everything but LiteLLM. */
export function environment({ home, url }: Pick<Place, 'home' | 'url'>): Record<string, string> {
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
  return {
    PATH: [bin, process.env.PATH ?? ''].join(delimiter),
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    TMPDIR: home,
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    NO_COLOR: '1',
    // Without it Node's own fetch knows no proxy.
    NODE_USE_ENV_PROXY: '1',
    ...Object.fromEntries(proxies.map((name) => [name, url])),
    NO_PROXY: '127.0.0.1',
    no_proxy: '127.0.0.1',
  };
}

function missing(packages: readonly string[], language: 'node' | 'python'): { missing?: string } {
  if (packages.length > 0) return { missing: `${packages.join(', ')} could not be installed` };
  const interpreter = language === 'node' ? join(bin, 'node') : join(venv, 'bin', 'python');
  return existsSync(interpreter) ? {} : { missing: `there is no ${language} for it here` };
}

function nodeVersion(name: string): string | undefined {
  const file = join(nodeModules, name, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : undefined;
}

function pythonVersion(name: string): string | undefined {
  const lib = join(venv, 'lib');
  for (const python of existsSync(lib) ? readdirSync(lib) : []) {
    const distribution = name.replaceAll('-', '_');
    for (const found of readdirSync(join(lib, python, 'site-packages'))) {
      if (found.startsWith(`${distribution}-`) && found.endsWith('.dist-info'))
        return found.slice(distribution.length + 1, -'.dist-info'.length);
    }
  }
  return undefined;
}
