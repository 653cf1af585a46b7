/** `./scripts/up --compose`: the stack in containers, in the order in which it is deployed; what fails is named. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { flag, readCommand, texts } from './arguments';
import { StartError } from './errors';
import { composeInstallation } from './operate/compose-installation';
import { outputOf } from './operate/execute';
import { setUp } from './operate/set-up';
import { root } from './paths';
import { step } from './progress';
import { runScript } from './run-script';

/** Waiting for health is bounded: LiteLLM on two busy cores needs up to a minute. */
const waitSeconds = 300;

async function composeUp(args: readonly string[]): Promise<number> {
  const { values, positionals } = readCommand('up', args, {
    compose: flag,
    file: texts,
    profile: texts,
    'no-build': flag,
  });
  if (positionals.length > 0)
    throw new StartError(`There is no "${positionals[0]}" to say to up --compose (see ./scripts/up --help).`);
  const profiles = values.profile ?? [];
  const files = (
    values.file ?? [join(root, 'compose', profiles.length > 0 ? 'stack.yml' : 'docker-compose.yml')]
  ).map((file) => resolve(file));
  for (const file of files) if (!existsSync(file)) throw new StartError(`There is no compose file ${file}.`);
  const compose = (...more: string[]): [string, ...string[]] => [
    'docker',
    'compose',
    ...files.flatMap((file) => ['-f', file]),
    ...profiles.flatMap((name) => ['--profile', name]),
    ...more,
  ];
  const cwd = resolve(files[0] ?? root, '..');
  const home = resolve(cwd, '..');
  const servers = profiles.filter((name) => existsSync(join(home, 'mcp', name, `${name}.env.example`)));
  for (const line of await setUp({ root: home, servers, parts: profiles, networks: true }))
    console.log(`  ${line}`);
  const long = { cwd, timeoutMs: 1_800_000 };
  await step('the files are right', () => outputOf(compose('config', '--quiet'), { cwd }));
  // What is built here cannot be pulled.
  await step('images', () => outputOf(compose('pull', '--ignore-buildable'), long));
  if (values['no-build'] !== true) await step('own images', () => outputOf(compose('build'), long));
  const services = (await outputOf(compose('config', '--services'), { cwd }))
    .split('\n')
    .filter((name) => name !== '');
  const own = services.filter((name) => name.startsWith('mcp-'));
  const up = (...names: string[]): Promise<string> =>
    outputOf(compose('up', '--detach', '--wait', '--wait-timeout', `${waitSeconds}`, ...names), {
      cwd,
      timeoutMs: (waitSeconds + 60) * 1000,
    });
  const failed: string[] = [];
  // Each alone: one that does not come up costs its own tools only, and is named.
  for (const name of own) await step(name, () => up(name)).catch(() => failed.push(name));
  await step('the rest of the stack', () => up(...services.filter((name) => !own.includes(name)))).catch(() =>
    failed.push('the rest of the stack'),
  );
  const installation = composeInstallation(files, { envFiles: [] });
  const parts = await installation.parts();
  console.log('');
  for (const { name, state } of parts) console.log(`  ${name.padEnd(24)} ${state}`);
  const ill = parts.filter(({ state }) => state !== 'running').map(({ name }) => name);
  for (const part of ill) {
    console.log(`\nThe last lines of ${part}:`);
    await installation.logs({ part, tail: 20, follow: false });
  }
  if (ill.length === 0 && failed.length === 0) {
    console.log(`\nok: LiteLLM is at ${installation.litellmUrl}`);
    return 0;
  }
  throw new StartError(`not ok: ${[...new Set([...failed, ...ill])].join(', ')}; the output above says why`);
}

runScript('up', composeUp);
