/** Processes of the bench itself that say their port on their first line: the provider and the tool server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

export interface Child {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** How node runs a TypeScript file of the bench. */
export const nodeArgs = ['-r', 'ts-node/register/transpile-only'];
export const nodeEnv = { ...process.env, TS_NODE_PROJECT: join(__dirname, '..', 'tsconfig.json') };

/** Starts `bench/parts/<name>.ts`; it ends when its stdin does, so it never outlives us. Rejects when it says no port. */
export async function startChild(name: string, args: readonly string[] = []): Promise<Child> {
  const child = spawn(process.execPath, [...nodeArgs, join(__dirname, `${name}.ts`), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: nodeEnv,
  });
  const ended = once(child, 'exit');
  const line = createInterface(child.stdout);
  const port = await Promise.race([
    once(line, 'line').then(([text]) => Number(text)),
    ended.then(() => Promise.reject(new Error(`${name} ended before it listened.`))),
  ]);
  return {
    pid: child.pid ?? 0,
    port,
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
