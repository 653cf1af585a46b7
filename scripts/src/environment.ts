/** What a child process may know of our environment. */

/** Names that a program needs to run at all and that hold no secret. */
const harmless = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ', 'USER'];

/** Enough to run a program, nothing else: no key of ours, no proxy, no secret. */
export function minimalEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = harmless.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), ...extra };
}

/**
 * The operator's whole environment plus `extra`: for LiteLLM and hook-service, whose config may name any variable.
 * Loopback is never sent through a proxy.
 */
export function operatorEnv(
  extra: Readonly<Record<string, string | undefined>> = {},
): Record<string, string | undefined> {
  const noProxy = [process.env.NO_PROXY ?? process.env.no_proxy, '127.0.0.1', 'localhost']
    .filter(Boolean)
    .join(',');
  return { ...process.env, NO_PROXY: noProxy, no_proxy: noProxy, ...extra };
}
