/** The secrets of a local stack: made once, kept in one file that only its owner can read. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Secrets {
  /** LiteLLM's master key in the sample config. */
  readonly LITELLM_MASTER_KEY: string;
  /** Shared by the door and hook-service. */
  readonly TOOLTURN_SECRET: string;
}

/** Reads the secrets file, after adding what is missing in it. A variable of the environment wins over the file. */
export function readSecrets(
  file: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Secrets {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const known = new Map(
    text.split('\n').flatMap((line) => {
      const match = /^([A-Z_]+)=(.+)$/.exec(line.trim());
      return match?.[1] && match[2] ? [[match[1], match[2]] as const] : [];
    }),
  );
  const added: string[] = [];
  const take = (name: string, make: () => string): string => {
    const value = env[name] || known.get(name);
    if (value) return value;
    const made = make();
    added.push(`${name}=${made}\n`);
    return made;
  };
  const secrets = {
    // LiteLLM accepts only keys that begin with sk-.
    LITELLM_MASTER_KEY: take('LITELLM_MASTER_KEY', () => `sk-${randomBytes(24).toString('hex')}`),
    TOOLTURN_SECRET: take('TOOLTURN_SECRET', () => randomBytes(32).toString('hex')),
  };
  if (added.length > 0) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text.replace(/([^\n])$/, '$1\n') + added.join(''), { mode: 0o600 });
  }
  // Also when nothing was added: the mode of an existing file is not changed by writing to it.
  if (existsSync(file)) chmodSync(file, 0o600);
  return secrets;
}
