/** How LiteLLM says it is, at the path that needs no key. */
import { isRecord } from '../json';

export interface LiteLLMHealth {
  readonly state: 'ready' | 'failed';
  readonly version?: string;
  readonly reason?: string;
}

export async function litellmHealth(url: string): Promise<LiteLLMHealth> {
  const ask = (path: string): Promise<Response> =>
    fetch(url.replace(/\/+$/, '') + path, { signal: AbortSignal.timeout(10_000) });
  try {
    const response = await ask('/health/readiness');
    // With an authentication of one's own this path is closed too; the other one never is.
    if (response.status === 401 || response.status === 403) {
      const live = await ask('/health/liveliness');
      await live.body?.cancel();
      if (live.ok) return { state: 'ready' };
    }
    const body: unknown = await response.json().catch(() => undefined);
    const version =
      isRecord(body) && typeof body.litellm_version === 'string' ? { version: body.litellm_version } : {};
    if (response.ok) {
      const database = isRecord(body) ? body.db : undefined;
      const without = typeof database === 'string' && /not connected|disconnected/i.test(database);
      return { state: 'ready', ...version, ...(without ? { reason: 'without a database' } : {}) };
    }
    return { state: 'failed', ...version, reason: `it answers ${response.status}` };
  } catch {
    return { state: 'failed', reason: `it does not answer at ${url}` };
  }
}
