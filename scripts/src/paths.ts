/** Where things lie in the checkout; the same from `scripts/src` and `scripts/dist`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The root of this checkout. */
export const root = join(__dirname, '..', '..');

/** Everything that is made at run time: never committed, safe to delete when nothing runs; TOOLTURN_STATE_DIR moves it. */
export const stateDir = process.env.TOOLTURN_STATE_DIR || join(root, '.toolturn');

/** The config that `./scripts/up` starts when no other is named. */
export const sampleConfig = join(root, 'litellm', 'config.yaml');

/** The door that LiteLLM loads from the folder of its config. */
export const guardrailFile = join(root, 'litellm', 'toolturn_guardrail.py');

/** The folder behind the file server of the sample config, which names it. */
const filesDir = join(root, '.toolturn', 'files');

/** Where the secret word of the stack at one port stands. */
export function secretDir(port: number): string {
  return join(filesDir, `${port}`);
}

/** Where `scripts/upgrade` notes which LiteLLM is used; a link to its environment. */
export const chosenLitellm = join(stateDir, 'litellm');

/** The LiteLLM venv: `TOOLTURN_LITELLM_VENV`, else what `scripts/upgrade` chose, else the one that `scripts/up` makes. */
export function venvDir(): string {
  if (process.env.TOOLTURN_LITELLM_VENV) return process.env.TOOLTURN_LITELLM_VENV;
  return existsSync(chosenLitellm) ? chosenLitellm : join(stateDir, 'venv');
}

/** Config copy, logs and data of the stack at one port. */
export function runDir(port: number): string {
  return join(stateDir, 'run', `${port}`);
}
