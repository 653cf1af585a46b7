/** `./scripts/apply`: a new config in the place of the old one; back to the old one where it does not work. */
import { existsSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { flag, readCommand } from './arguments';
import { messageOf, StartError } from './errors';
import { unifiedDiff } from './install-diff';
import { readText, writeWhole } from './install-files';
import { readConfigText } from './install-yaml';
import { askDoctor } from './operate/ask-doctor';
import { litellmHealth } from './operate/litellm-health';
import { partNamed, type Installation } from './operate/installation';
import { readParts } from './operate/rows';
import { installationOptions, whichInstallation } from './operate/which-installation';
import { waitUntil } from './processes';
import { runScript } from './run-script';

const say = (...lines: string[]): void => console.log(lines.join('\n'));

async function applyConfig(args: readonly string[]): Promise<number | void> {
  const { values, positionals } = readCommand('apply', args, { ...installationOptions, 'dry-run': flag });
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0)
    throw new StartError('Name the new config: ./scripts/apply NEW.yaml (see ./scripts/apply --help).');
  const file = resolve(name);
  if (!existsSync(file)) throw new StartError(`There is no file ${file}.`);
  const installation = whichInstallation(values);
  const { config } = installation;
  const after = readText(file);
  readConfigText(after, file);
  const before = existsSync(config) ? readText(config) : undefined;
  if (before === after) {
    say(`${config} is as ${file} already: nothing to do.`);
    return;
  }
  await validate(after, file, installation);
  say('', before === undefined ? `New: ${config}` : unifiedDiff(before, after, config, file), '');
  if (values['dry-run'] === true) {
    say('Nothing was changed (--dry-run).');
    return;
  }
  const well = new Set((await readParts(installation)).filter((row) => row.well).map(({ part }) => part));
  const copy = `${config}.before-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`;
  if (before !== undefined) {
    writeWhole(copy, before, config, 0o600);
    say(`  kept ${copy}`);
  }
  try {
    await use(installation, after);
    const lost = (await settled(installation)).filter((row) => !row.well && well.has(row.part));
    if (lost.length > 0)
      throw new StartError(
        `${lost.map(({ part, state, reason }) => `${part} is ${state}${reason === undefined ? '' : ` (${reason})`}`).join('; ')}.`,
      );
  } catch (error) {
    if (before === undefined) throw error;
    say('  it does not work: going back');
    await use(installation, before).catch((failure: unknown) => {
      throw new StartError(`${messageOf(error)} ${config} is as before, but: ${messageOf(failure)}`);
    });
    throw new StartError(`${messageOf(error)} ${config} is as before, and the stack runs with it.`);
  }
  say('ok: the new config is in use');
}

/** Errors that the doctor finds in the new config keep it out. */
async function validate(text: string, file: string, installation: Installation): Promise<void> {
  const read = installation.completed?.(text, file) ?? text;
  // Beside the file, because of what it includes.
  const copy = `${file}.checked.yaml`;
  if (read !== text) writeWhole(copy, read, file, 0o600);
  try {
    const { code, report } = await askDoctor(read === text ? file : copy, installation);
    say(report.replaceAll(copy, file));
    if (code >= 2) throw new StartError(`${file} has errors (above): nothing was changed.`);
  } finally {
    rmSync(copy, { force: true });
  }
}

async function use(installation: Installation, text: string): Promise<void> {
  writeWhole(installation.config, text, dirname(installation.config), 0o600);
  installation.configChanged();
  for (const name of ['hook-service', 'litellm']) {
    const part = await partNamed(installation, name);
    if (part === undefined) continue;
    await installation.restart(part);
    say(`  restarted ${part}`);
  }
  const { state, reason } = await litellmHealth(installation.litellmUrl);
  if (state !== 'ready') throw new StartError(`LiteLLM is not ready: ${reason}.`);
}

/** The parts once none is on its way any more. */
async function settled(installation: Installation) {
  let rows = await readParts(installation);
  const quiet = async (): Promise<boolean> => {
    rows = await readParts(installation);
    return !rows.some(({ state }) => state === 'starting' || state === 'reconnecting');
  };
  await waitUntil(quiet, { timeoutMs: 30_000, what: 'The parts' }).catch(() => undefined);
  return rows;
}

runScript('apply', applyConfig);
