import { z } from 'zod';
import { ToolturnError } from '../core/errors';
import type { AskWho } from '../core/callers';
import { failureError } from '../core/failure-policy';
import { askIdentity, identifyHeader, openIdentity } from '../core/identify';

export interface IdentityOptions {
  /** LiteLLM's address without a path. */
  readonly baseUrl: string;
  /** The first signs; all open answers. */
  readonly secrets: readonly [string, ...string[]];
  readonly timeoutMs?: number;
}

/** Largest answer that is read, in bytes; the one that is wanted has less than a kilobyte. */
const answerBytes = 262_144;

const errorBody = z.object({ error: z.object({ type: z.string().nullish() }) });

/**
 * Asks LiteLLM whose credentials these are, by a chat request of nothing with a signed question in its header. LiteLLM
 * checks the key in whatever way it is configured to, then asks the door, which asks hook-service; that answers an
 * error with the caller sealed in it. So no model is called, nothing is spent, no database is needed here, and the
 * identity is the very one that a turn of this key has.
 */
export function createIdentity({ baseUrl, secrets, timeoutMs = 10_000 }: IdentityOptions): AskWho {
  return async (credentials) => {
    const { nonce, token } = askIdentity(secrets[0]);
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(`${baseUrl}/v1/chat/completions`, {
        method: 'POST',
        headers: { ...credentials, 'content-type': 'application/json', [identifyHeader]: token },
        // No model, so that no list of models a key may use can refuse it.
        body: '{"messages":[]}',
        signal: AbortSignal.timeout(timeoutMs),
        redirect: 'error',
      });
      text = await limitedText(answer);
    } catch (error) {
      throw failureError('keyUnchecked', {}, { cause: error });
    }
    const caller = openIdentity(secrets, nonce, text);
    if (caller !== undefined) return caller;
    throw refusal(answer.status, text);
  };
}

async function limitedText(answer: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    size += piece.length;
    if (size > answerBytes) throw new Error('The answer is too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** LiteLLM quotes keys in its messages, so none of its text goes on; its words for a kind of error do. */
function refusal(status: number, text: string): ToolturnError {
  const kind = kindOf(text);
  // Without a database LiteLLM knows its master key only, and says so of every other one.
  if (status === 401 || kind === 'no_db_connection')
    return new ToolturnError('unauthorized', 'LiteLLM does not accept this key.');
  if (kind === 'budget_exceeded')
    return new ToolturnError('unauthorized', 'The budget of this key is used up.', { status: 403 });
  if (status === 403 || status === 429)
    return new ToolturnError(
      'unauthorized',
      status === 403 ? 'LiteLLM refuses this key.' : 'This key is over its rate limit at LiteLLM.',
      { status },
    );
  return new ToolturnError(
    'upstream_failed',
    `LiteLLM did not say whose key this is (status ${status}): its guardrail "toolturn" must be loaded with ` +
      'default_on: true, reach hook-service at TOOLTURN_URL, and share TOOLTURN_SECRET with it.',
  );
}

function kindOf(text: string): string | undefined {
  try {
    const parsed = errorBody.safeParse(JSON.parse(text));
    return parsed.success ? (parsed.data.error.type ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}
