/** `toolturn doctor` over a config, with what the stack's parts know of the environment. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors';
import { root } from '../paths';
import { execute } from './execute';
import type { Installation } from './installation';

/** Its report and exit code: 0 nothing above a note, 1 warnings, 2 errors, 3 it could not run. */
export async function askDoctor(
  config: string,
  installation?: Pick<Installation, 'envFiles' | 'environment'>,
): Promise<{ readonly code: number; readonly report: string }> {
  const main = join(root, 'hook-service', 'dist', 'main.js');
  if (!existsSync(main)) return { code: 3, report: 'hook-service is not built' };
  const envFiles = (installation?.envFiles ?? []).filter(existsSync).flatMap((file) => ['--env-file', file]);
  try {
    const { code, output, errors } = await execute(
      [process.execPath, '--', main, 'doctor', '--config', config, ...envFiles],
      { env: { ...installation?.environment() } },
    );
    return { code, report: output.trim() || errors.trim() };
  } catch (error) {
    return { code: 3, report: messageOf(error) };
  }
}
