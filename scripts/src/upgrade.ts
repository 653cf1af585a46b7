/** `./scripts/upgrade`: tries the door with another LiteLLM in a stack of its own, and only then changes to it. */
import { existsSync, lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { flag, readCommand, text } from './arguments';
import { messageOf, StartError } from './errors';
import { installedVersion } from './litellm';
import { changeEnvFile, readEnvFile } from './operate/env-file';
import { outputOf } from './operate/execute';
import type { Installation } from './operate/installation';
import { litellmHealth } from './operate/litellm-health';
import { installationOptions, whichInstallation } from './operate/which-installation';
import { chosenLitellm, stateDir, venvDir } from './paths';
import { step } from './progress';
import { stopEverything } from './processes';
import { runScript } from './run-script';
import { tryDoor } from './try-door';

const previous = `${chosenLitellm}-previous`;
const image = 'LITELLM_IMAGE';
const say = (line: string): void => console.log(line);

async function upgrade(args: readonly string[]): Promise<void> {
  const { values, positionals } = readCommand('upgrade', args, {
    ...installationOptions,
    litellm: text,
    venv: text,
    image: text,
    'check-only': flag,
    rollback: flag,
  });
  if (positionals.length > 0)
    throw new StartError(`There is no "${positionals[0]}" to say to upgrade (see ./scripts/upgrade --help).`);
  const installation = installed(values);
  if (values.rollback === true) return rollback(installation);
  if (values.litellm === undefined && values.venv === undefined)
    throw new StartError(
      'Name a version: ./scripts/upgrade --litellm 1.77.3 (see ./scripts/upgrade --help).',
    );
  if (values.litellm !== undefined && !/^\d+\.\d+\.\d+([-.\w]*)$/.test(values.litellm))
    throw new StartError(`--litellm must be a version such as 1.77.3, got "${values.litellm}".`);
  const venv = values.venv === undefined ? await scratchVenv(values.litellm ?? '') : resolve(values.venv);
  if (!existsSync(join(venv, 'bin', 'litellm')))
    throw new StartError(`There is no LiteLLM in ${venv} (bin/litellm).`);
  const version = installedVersion(venv);
  if (values.litellm !== undefined && version !== values.litellm)
    throw new StartError(`${venv} holds LiteLLM ${version}, not ${values.litellm}.`);
  try {
    for (const line of await tryDoor(venv)) say(`  ${line}`);
  } catch (error) {
    throw new StartError(
      `The door does not work with LiteLLM ${version}: ${messageOf(error)} Nothing was changed.`,
    );
  } finally {
    await stopEverything();
  }
  if (values['check-only'] === true)
    return say(`ok: the door works with LiteLLM ${version}; nothing was changed (--check-only)`);
  if (installation?.kind === 'compose')
    await changeImage(installation, values.image ?? `ghcr.io/berriai/litellm:v${version}-stable`);
  else await changeVenv(installation, venv);
  say(`ok: LiteLLM ${version} is in use; ./scripts/upgrade --rollback goes back`);
}

/** A stack that runs, or none: then the next start uses what is chosen. */
function installed(flags: Parameters<typeof whichInstallation>[0]): Installation | undefined {
  if (flags.compose !== undefined || flags.run !== undefined || flags.systemd !== undefined)
    return whichInstallation(flags);
  try {
    return whichInstallation(flags);
  } catch {
    return undefined;
  }
}

/** An environment with this LiteLLM from PyPI, below .toolturn; kept for the next time. */
async function scratchVenv(version: string): Promise<string> {
  const venv = join(stateDir, 'venvs', version);
  if (existsSync(join(venv, 'bin', 'litellm'))) return venv;
  const python = join(venvDir(), 'bin', 'python');
  if (!existsSync(python)) throw new StartError('There is no Python environment yet: run ./scripts/up once.');
  mkdirSync(dirname(venv), { recursive: true });
  try {
    await step(`LiteLLM ${version} from PyPI`, async () => {
      await outputOf([python, '-m', 'venv', venv], { timeoutMs: 120_000 });
      const pip = [
        join(venv, 'bin', 'python'),
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--no-input',
      ] as const;
      await outputOf([...pip, `litellm[proxy]==${version}`], { timeoutMs: 1_200_000 });
    });
  } catch (error) {
    rmSync(venv, { recursive: true, force: true });
    throw error;
  }
  return venv;
}

async function changeVenv(installation: Installation | undefined, venv: string): Promise<void> {
  if (installation?.kind === 'systemd')
    throw new StartError(
      `A unit names its program itself: let ExecStart of the LiteLLM unit begin with ${venv}/bin/litellm, then systemctl daemon-reload and restart it.`,
    );
  const before = used();
  if (resolve(venv) === before) return;
  link(previous, before);
  link(chosenLitellm, venv);
  try {
    await installation?.useLiteLLM?.(venv);
    await requireReady(installation);
  } catch (error) {
    link(chosenLitellm, before);
    await installation?.useLiteLLM?.(before);
    throw new StartError(`${messageOf(error)} LiteLLM runs from ${before} again.`);
  }
}

async function changeImage(installation: Installation, name: string): Promise<void> {
  const file = join(dirname(installation.config), '.env');
  const before = readEnvFile(file).get(image);
  const back = changeEnvFile(file, { [image]: name, [`${image}_PREVIOUS`]: before ?? '' });
  try {
    await installation.restart('litellm');
    await requireReady(installation);
  } catch (error) {
    back();
    await installation.restart('litellm');
    throw new StartError(`${messageOf(error)} The image is as before.`);
  }
}

async function rollback(installation: Installation | undefined): Promise<void> {
  if (installation?.kind === 'compose') {
    const file = join(dirname(installation.config), '.env');
    const before = readEnvFile(file).get(`${image}_PREVIOUS`);
    if (before === undefined) throw new StartError('There is nothing to go back to.');
    changeEnvFile(file, { [image]: before === '' ? undefined : before, [`${image}_PREVIOUS`]: undefined });
    await installation.restart('litellm');
    return say(`ok: LiteLLM runs from ${before || 'the image of the compose file'} again`);
  }
  const before = linkTarget(previous);
  if (before === undefined || !existsSync(join(before, 'bin', 'litellm')))
    throw new StartError('There is nothing to go back to.');
  const now = used();
  link(chosenLitellm, before);
  link(previous, now);
  await installation?.useLiteLLM?.(before);
  await requireReady(installation);
  say(`ok: LiteLLM ${installedVersion(before)} is in use again`);
}

/** The environment in use. TOOLTURN_LITELLM_VENV would win over what is chosen here. */
function used(): string {
  if (process.env.TOOLTURN_LITELLM_VENV)
    throw new StartError('TOOLTURN_LITELLM_VENV says which LiteLLM is used: change it there, or unset it.');
  return linkTarget(chosenLitellm) ?? join(stateDir, 'venv');
}

async function requireReady(installation: Installation | undefined): Promise<void> {
  if (installation === undefined) return;
  const { state, reason } = await litellmHealth(installation.litellmUrl);
  if (state !== 'ready') throw new StartError(`LiteLLM is not ready: ${reason}.`);
}

/** Points a link elsewhere, in one step. */
function link(path: string, to: string): void {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(`${path}.new`, { force: true });
  symlinkSync(to, `${path}.new`);
  renameSync(`${path}.new`, path);
}

function linkTarget(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
    ? readlinkSync(path)
    : undefined;
}

runScript('upgrade', upgrade);
