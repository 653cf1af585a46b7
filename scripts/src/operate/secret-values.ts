/** The values in env files that nobody may read in a log. */
import { readEnvFile } from './env-file';

const named = /SECRET|PASSWORD|PASSWD|TOKEN|KEY|CREDENTIAL|SALT|_URL$|_DSN$/;

/** Values of variables whose names say that they are secret, and the passwords of addresses among all. */
export function secretValues(envFiles: readonly string[]): string[] {
  const values = envFiles.flatMap((file) =>
    [...readEnvFile(file)].flatMap(([name, value]) => {
      const password = passwordOf(value);
      if (password !== undefined) return [password, decodeURIComponent(password)];
      return named.test(name) && !/_URL$|_DSN$/.test(name) ? [value] : [];
    }),
  );
  // The longest first: one may be part of another.
  return [...new Set(values)].filter((value) => value.length >= 6).sort((a, b) => b.length - a.length);
}

function passwordOf(value: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || !URL.canParse(value)) return undefined;
  return new URL(value).password || undefined;
}
