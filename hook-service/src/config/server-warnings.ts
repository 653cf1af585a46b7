import { authValue } from './auth-headers';
import type { Context } from './check';
import type { Path } from './problems';
import { accessKeys, descriptiveKeys, isStreamableHttp, readKeys, type ServerEntry } from './server-entry';
import { didYouMean } from './suggest';
import type { Plain } from './values';

/** Keys of an entry that do nothing here. */
export function warnOfKeys(
  written: { [key: string]: Plain },
  path: Path,
  { values, problems }: Context,
): void {
  for (const key of Object.keys(written)) {
    const at = values.markOf([...path, key]);
    if (accessKeys.includes(key)) {
      problems.warn([...path, key], at, 'has no effect in Toolturn yet');
    } else if (!readKeys.includes(key) && !descriptiveKeys.includes(key)) {
      const known = [...readKeys, ...accessKeys];
      problems.warn([...path, key], at, `is not known and has no effect${didYouMean(key, known)}`);
    }
  }
}

/** Half of a pair: a value without `auth_type`, or the other way round. */
export function warnOfAuth(entry: ServerEntry, path: Path, { values, problems }: Context): void {
  const key = entry.authentication_token === undefined ? 'auth_value' : 'authentication_token';
  const type = entry.auth_type ?? 'none';
  const hasValue = (authValue(entry) ?? '') !== '';
  if (type === 'none' && hasValue) {
    const message = 'is sent nowhere without auth_type: (api_key, bearer_token, basic or authorization)';
    problems.warn([...path, key], values.markOf([...path, key]), message);
  }
  if (type !== 'none' && !hasValue) {
    const message = 'sends nothing without auth_value: os.environ/NAME';
    problems.warn([...path, 'auth_type'], values.markOf([...path, 'auth_type']), message);
  }
}

/** Keys that belong to the other kind of server. */
export function warnIfGiven(
  keys: readonly string[],
  kind: string,
  path: Path,
  { values, problems }: Context,
): void {
  for (const key of keys) {
    if (!values.has([...path, key])) continue;
    problems.warn([...path, key], values.markOf([...path, key]), `has no effect on a server with ${kind}`);
  }
}

/** What works here and not in LiteLLM, which reads the same entry. */
export function warnOfTransport(path: Path, written: Plain | undefined, { values, problems }: Context): void {
  if (!isStreamableHttp(written)) return;
  const at = [...path, 'transport'];
  problems.warn(at, values.markOf(at), 'is taken as http here; LiteLLM refuses this spelling, so write http');
}

/** LiteLLM puts variables into maps only, never into lists. */
export function warnOfArguments(entry: ServerEntry, path: Path, { values, problems }: Context): void {
  for (const index of entry.args.keys()) {
    const at = [...path, 'args', index];
    const variable = values.variableOf(at);
    if (variable === undefined) continue;
    const message = `${variable} is put in here, but LiteLLM hands the text over as it is; use env: instead`;
    problems.warn(at, values.markOf(at), message);
  }
}

/** Most servers answer at one path only, and 404 at the root. */
export function warnOfPath(
  url: URL,
  transport: 'http' | 'sse',
  path: Path,
  { values, problems }: Context,
): void {
  if (url.pathname !== '/') return;
  const at = [...path, 'url'];
  const usual = transport === 'sse' ? '/sse' : '/mcp';
  problems.warn(at, values.markOf(at), `has no path; most ${transport} servers answer at ${usual} only`);
}

/** The limit of all calls is the upper bound of each. */
export function warnOfTimeout(
  entry: ServerEntry,
  callMs: number,
  path: Path,
  { values, problems }: Context,
): void {
  if (entry.timeout === undefined || entry.timeout <= callMs || callMs === 0) return;
  const at = [...path, 'timeout'];
  const message = `is longer than toolturn.limits.call_seconds, so calls end after ${callMs / 1000} seconds; raise that too`;
  problems.warn(at, values.markOf(at), message);
}
