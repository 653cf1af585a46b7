import type { PartHealth } from '../core/ports';

const waitMs = 2_000;

/** Asks LiteLLM whether it lives, by the path that needs no key and asks no provider. Never rejects. */
export async function litellmHealth(baseUrl: string): Promise<PartHealth> {
  try {
    const signal = AbortSignal.timeout(waitMs);
    const answer = await fetch(`${baseUrl}/health/liveliness`, { signal, redirect: 'error' });
    await answer.body?.cancel();
    if (answer.ok) return { state: 'ready' };
    return { state: 'degraded', reason: `LiteLLM answers ${answer.status} at /health/liveliness` };
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    return {
      state: 'failed',
      reason: late
        ? `LiteLLM does not answer within ${waitMs / 1000} s`
        : 'LiteLLM cannot be reached: is it running, and is LITELLM_URL right?',
    };
  }
}
