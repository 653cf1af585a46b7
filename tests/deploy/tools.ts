/** The programs that `scripts/test-deploy` builds, and a copy of what they read, with env files as an operator has them. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { root, stateDir } from '../../scripts/src/paths';

const run = promisify(execFile);

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a program was built. */
export function toolPath(name: string): string {
  const program = join(stateDir, 'deploy', name);
  if (!existsSync(program)) throw new Error(`${program} is not built: run scripts/test-deploy.`);
  return program;
}

/** Runs one of the built programs; resolves whatever its exit code is. */
export async function runTool(
  name: 'docker-compose' | 'kustomize' | 'kubernetes-check',
  args: readonly string[],
  options: { readonly cwd: string; readonly input?: string; readonly env?: Record<string, string> },
): Promise<Output> {
  const promise = run(toolPath(name), [...args], {
    cwd: options.cwd,
    // Nothing of ours: a variable of the shell would fill what a file leaves open.
    env: { PATH: '/usr/bin:/bin', HOME: options.cwd, ...options.env },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 120_000,
  });
  promise.child.stdin?.end(options.input ?? '');
  try {
    return { code: 0, ...(await promise) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** Copies the files that a clone has to a new folder, and fills env files: every variable gets a value made of its name. */
export function cloneWithEnvFiles(which: (envFile: string) => boolean = () => true): string {
  const dir = mkdtempSync(join(tmpdir(), 'toolturn-deploy-'));
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  });
  const files = listed.split('\0').filter((path) => /^(compose|mcp|litellm|grafana|deploy)\//.test(path));
  for (const path of files.filter((each) => existsSync(join(root, each)))) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    cpSync(join(root, path), join(dir, path));
    const envFile = path.replace(/\.example$/, '');
    if (!path.endsWith('.env.example') || !which(envFile)) continue;
    const filled = readFileSync(join(root, path), 'utf8').replace(
      /^([A-Z][A-Z0-9_]*)=$/gm,
      (_, name: string) => `${name}=${canary(name)}`,
    );
    writeFileSync(join(dir, envFile), filled, { mode: 0o600 });
  }
  return dir;
}

/** The value of a secret in the env files. */
export const canary = (name: string): string => `canary-of-${name}`;
