import type { ServerEntry } from './server-entry';

type Auth = Pick<
  ServerEntry,
  'auth_type' | 'auth_value' | 'authentication_token' | 'headers' | 'static_headers'
>;

/**
 * The headers a remote server gets, as LiteLLM 1.77.3 makes them of `auth_type` and its value. A header that the
 * entry spells out takes the place of one that `auth_type` or the URL's user and password would give.
 */
export function remoteHeaders(entry: Auth, url: URL): Record<string, string> {
  const written = { ...entry.headers, ...entry.static_headers };
  const names = new Set(Object.keys(written).map((name) => name.toLowerCase()));
  const given = Object.entries({ ...urlHeader(url), ...authHeader(entry) });
  return { ...Object.fromEntries(given.filter(([name]) => !names.has(name.toLowerCase()))), ...written };
}

/** The value that goes with `auth_type`; LiteLLM asks for `authentication_token` first. */
export function authValue(entry: Auth): string | undefined {
  return entry.authentication_token ?? entry.auth_value;
}

function authHeader(entry: Auth): Record<string, string> {
  const value = authValue(entry);
  if (value === undefined || value === '') return {};
  switch (entry.auth_type) {
    case 'bearer_token':
      return { Authorization: `Bearer ${value}` };
    case 'basic':
      return { Authorization: `Basic ${base64(value)}` };
    case 'api_key':
      return { 'X-API-Key': value };
    case 'authorization':
      return { Authorization: value };
    case 'none':
    case undefined:
      return {};
  }
}

/** `http://user:password@host` works in LiteLLM, whose client makes a header of it; Node's fetch refuses the URL. */
function urlHeader(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {};
  return { Authorization: `Basic ${base64(`${unescape(url.username)}:${unescape(url.password)}`)}` };
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % is what it looks like
  }
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
