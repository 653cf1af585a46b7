import path from 'node:path';
import { loadConfig, type Config } from '../config/load';
import { ConfigInvalid, type ConfigProblem, Problems } from '../config/problems';
import { servicesOf } from './compose';
import type { DoctorContext } from './context';
import { EnvSource } from './env-source';
import { TextSource } from './text-source';
import { YamlSource } from './yaml-source';

/** Where the files come from. */
export interface DoctorFiles {
  /** Text of a file; throws where it cannot be read. */
  read(file: string): string;
  exists(file: string): boolean;
  /** Permission bits. */
  mode(file: string): number | undefined;
}

export interface DoctorInput {
  readonly config?: string;
  readonly envFiles?: readonly string[];
  readonly compose?: readonly string[];
  /** Whatever else belongs to the set-up: scripts, Dockerfiles, client settings, saved requests. */
  readonly others?: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Reads everything once. A file that was named and cannot be read throws; one that a compose file names may be missing. */
export function readContext(
  input: DoctorInput,
  files: DoctorFiles,
): { context: DoctorContext; missing: readonly string[] } {
  const composeProblems = new Problems();
  const compose = (input.compose ?? []).map(
    (file) => new YamlSource(file, files.read(file), composeProblems),
  );
  const services = compose.flatMap(servicesOf);
  const named = compose.flatMap((source) => envFilesBeside(source));
  const missing = named.filter((file) => !files.exists(file) && path.basename(file) !== '.env');
  const envPaths = [...new Set([...(input.envFiles ?? []), ...named.filter((file) => files.exists(file))])];
  const envFiles = envPaths.map((file) => new EnvSource(file, files.read(file), files.mode(file)));
  const env = { ...input.env };
  for (const { variables } of envFiles) for (const { name, value } of variables) env[name] = value;

  const envKnown = envPaths.some((file) => path.basename(file) !== '.env') && missing.length === 0;
  const { problems, loaded, sources, unset } = readConfig(input.config, env, envKnown, files);
  const config = sources.map((file) => new YamlSource(file, files.read(file)));
  const others = (input.others ?? []).map((file) => ({ file, text: files.read(file) }));
  const json = others
    .filter(({ file }) => /\.json5?$/.test(file))
    .map(({ file, text }) => new YamlSource(file, text));
  const isDockerfile = (file: string) => /dockerfile/i.test(path.basename(file));
  const plain = others.filter(({ file }) => !/\.json5?$/.test(file));
  const dockerfiles = plain.filter(({ file }) => isDockerfile(file)).map(toText);
  const scripts = plain.filter(({ file }) => !isDockerfile(file)).map(toText);
  const all = [...config, ...compose, ...envFiles, ...json, ...dockerfiles, ...scripts];
  return {
    missing,
    context: {
      config,
      section: (name) => config.findLast((source) => source.top.has(name))?.get(name),
      problems: [...problems, ...problemsOf(composeProblems)],
      ...(loaded === undefined ? {} : { loaded }),
      envFiles,
      compose,
      services,
      json,
      dockerfiles,
      scripts,
      files: all,
      env,
      envKnown,
      unset,
      source: (file) => all.find((source) => source.file === file),
      yaml: (file) => [...config, ...compose, ...json].find((source) => source.file === file),
    },
  };
}

function toText({ file, text }: { file: string; text: string }): TextSource {
  return new TextSource(file, text);
}

/** What loading says, and the files that it read. */
function readConfig(
  file: string | undefined,
  env: DoctorInput['env'],
  envKnown: boolean,
  files: DoctorFiles,
): {
  problems: readonly ConfigProblem[];
  loaded?: Config;
  sources: readonly string[];
  unset: readonly string[];
} {
  if (file === undefined) return { problems: [], sources: [], unset: [] };
  files.read(file);
  const read = new Set<string>();
  const readFile = (name: string): Uint8Array => {
    const text = files.read(name);
    read.add(name);
    return Buffer.from(text, 'utf8');
  };
  const load = (variables: DoctorInput['env']) => {
    try {
      const { config, warnings } = loadConfig({ path: file, env: variables, readFile });
      return { problems: warnings, loaded: config };
    } catch (error) {
      if (!(error instanceof ConfigInvalid)) throw error;
      return { problems: error.problems };
    }
  };
  const first = load(env);
  const unset = first.problems.flatMap(({ message, path: place }) => {
    const name = /^the environment variable (\w+) is/.exec(message)?.[1];
    return name === undefined ? [] : [[name, place] as const];
  });
  if (envKnown || unset.length === 0) return { ...first, sources: [...read], unset: [] };
  // Without env files a value is not known; what follows from its absence would be said of every good config.
  const guesses = unset.map(([name, place]): [string, string] => [
    name,
    /url$/.test(place) ? 'http://unknown.invalid/mcp' : 'unknown',
  ]);
  const second = load({ ...env, ...Object.fromEntries(guesses) });
  return { ...second, sources: [...read], unset: [...new Set(unset.map(([name]) => name))] };
}

function problemsOf(problems: Problems): readonly ConfigProblem[] {
  try {
    return problems.finish();
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems;
    throw error;
  }
}

/** The env files that a compose file names, and the one that compose reads itself. */
function envFilesBeside(source: YamlSource): string[] {
  const folder = path.dirname(source.file);
  const named = servicesOf(source).flatMap(({ envFiles }) => envFiles);
  return [...new Set([path.join(folder, '.env'), ...named])];
}
