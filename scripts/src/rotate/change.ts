/** One step of a rotation: env files change, parts start anew, and if something fails all is as before. */
import { existsSync } from 'node:fs';
import { messageOf, StartError } from '../errors';
import { isRecord } from '../json';
import { changeEnvFile, readEnvFile } from '../operate/env-file';
import { partNamed, type Installation } from '../operate/installation';
import { waitUntil } from '../processes';

export type Changes = Readonly<Record<string, string | undefined>>;

/** The env files that hold any of these variables. */
export function filesWith(installation: Installation, names: readonly string[]): string[] {
  return installation.envFiles.filter(
    (file) => existsSync(file) && names.some((name) => readEnvFile(file).has(name)),
  );
}

/**
 * Writes the changes to every env file that holds one of `names`, starts the parts anew one after the other, and calls
 * `verify`. Where any of it fails, files and parts are put back, and a `StartError` says what happened.
 */
export async function changeAndVerify(
  installation: Installation,
  step: {
    /** Which env files are meant: those that hold one of these. */
    readonly names: readonly string[];
    readonly changes: Changes;
    /** Parts to start anew, by the names they may have; those that the stack does not have are left out. */
    readonly restart: readonly (readonly string[])[];
    readonly verify?: () => Promise<void>;
    readonly say: (line: string) => void;
  },
): Promise<void> {
  const before: Changes = Object.fromEntries(
    Object.keys(step.changes).map((name) => [name, installation.variable(name)]),
  );
  const undo = filesWith(installation, step.names).map((file) => changeEnvFile(file, step.changes));
  const restarted: string[] = [];
  try {
    for (const names of step.restart) {
      const part = await partNamed(installation, ...names);
      if (part === undefined) continue;
      restarted.push(part);
      await installation.restart(part, step.changes);
      step.say(`  restarted ${part}`);
    }
    await step.verify?.();
  } catch (error) {
    for (const back of undo.reverse()) back();
    const stuck: string[] = [];
    for (const part of restarted.reverse())
      await installation.restart(part, before).catch(() => stuck.push(part));
    const end =
      stuck.length === 0
        ? 'Everything is as before.'
        : `The env files are as before; ${stuck.join(', ')} did not start again: see ./scripts/logs.`;
    throw new StartError(`${messageOf(error)} ${end}`);
  }
}

/** A part of hook-service's own readiness (`redis`, `mcp:<name>`), asked until it is not on its way any more. */
export async function partHealth(
  installation: Installation,
  name: string,
  deadlineMs = 60_000,
): Promise<{ readonly state: string; readonly reason?: string }> {
  let seen: { state: string; reason?: string } = { state: 'unknown' };
  await waitUntil(
    async () => {
      const body = await installation.askHookService('/health/ready');
      const parts = isRecord(body) && isRecord(body.parts) ? body.parts : {};
      const part = parts[name];
      if (!isRecord(part)) throw new StartError(`hook-service knows no ${name}.`);
      seen = {
        state: String(part.state),
        ...(typeof part.reason === 'string' ? { reason: part.reason } : {}),
      };
      return !['starting', 'reconnecting'].includes(seen.state);
    },
    { timeoutMs: deadlineMs, what: name },
  ).catch(() => undefined);
  return seen;
}
