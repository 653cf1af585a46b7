import { ExchangeFailure } from '../wire/http-client';
import { BadStatus } from './remote-reply';

/** True where the far side does not know our session any more: 404, or 400 at servers that are less exact. */
export function needsSession(error: unknown, hadSession: boolean): boolean {
  if (!hadSession || !(error instanceof BadStatus)) return false;
  return error.status === 404 || (error.status === 400 && /session/i.test(error.text));
}

/** What the far side says of a key is less helpful than what we can say. */
export function isRefusedKey(error: BadStatus): boolean {
  return error.status === 401 || error.status === 403;
}

/** What went wrong, and what to do, for the person who runs the client. Holds no key. */
export function explainRemote(error: unknown, url: URL): string {
  const at = url.origin + url.pathname;
  if (error instanceof BadStatus) return explainStatus(error.status, at);
  if (!(error instanceof ExchangeFailure)) return `${at} failed`;
  if (error.sent) {
    return `The connection to ${at} was lost during the request; it is not known whether it ran`;
  }
  switch (error.code) {
    case 'ECONNREFUSED':
      return `Connection refused at ${at}: is LiteLLM running there, and LITELLM_API_URL right?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host name of ${at} is not known: is LITELLM_API_URL right?`;
    default:
      return `${at} cannot be reached (${error.code})`;
  }
}

function explainStatus(status: number, at: string): string {
  switch (status) {
    case 401:
      return `${at} refused the key (HTTP 401): is LITELLM_API_KEY a valid key of this LiteLLM?`;
    case 403:
      return `${at} does not allow this to the key (HTTP 403)`;
    case 404:
    case 405:
      return `There is no MCP at ${at} (HTTP ${status}): is LITELLM_API_URL right, and the server's name?`;
    case 413:
      return `${at} refused the request as too large (HTTP 413)`;
    default:
      return status >= 300 && status < 400
        ? `${at} redirects elsewhere (HTTP ${status}), which is not followed: use the final address`
        : `${at} answered HTTP ${status}`;
  }
}
