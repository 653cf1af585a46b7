import { createHash } from 'node:crypto';
import type { Caller } from './caller';
import { ToolturnError } from './errors';

/** Headers of a request, names in lower case. */
export type RequestHeaders = Readonly<Record<string, string>>;

/** Asks LiteLLM whose these credentials are. Throws `ToolturnError`: `unauthorized` where they are nobody's. */
export type AskWho = (credentials: RequestHeaders) => Promise<Caller>;

export interface CallersOptions {
  readonly ask: AskWho;
  /** The header LiteLLM reads keys from by config (`general_settings.litellm_key_header_name`). */
  readonly keyHeaderName?: string;
  /** How long an answer holds: a key that is withdrawn at LiteLLM works here for that long. */
  readonly holdsMs?: number;
  /** The same for a refusal, short: a key that was just made must soon work. */
  readonly refusedMs?: number;
  /** Most keys that are remembered. */
  readonly capacity?: number;
  readonly now?: () => number;
}

/** The headers in which LiteLLM takes a key, in its own order of preference. */
const keyHeaders = [
  'x-litellm-api-key',
  'authorization',
  'api-key',
  'x-api-key',
  'x-goog-api-key',
  'ocp-apim-subscription-key',
];

interface Known {
  readonly until: number;
  readonly caller?: Caller;
  readonly refusal?: ToolturnError;
}

/** Who callers are, by their key. hook-service knows no keys: LiteLLM is asked, once for many requests. */
export class Callers {
  private readonly known = new Map<string, Known>();
  private readonly asking = new Map<string, Promise<Caller>>();
  private readonly names: readonly string[];

  constructor(private readonly options: CallersOptions) {
    const own = options.keyHeaderName?.toLowerCase();
    this.names = own === undefined || keyHeaders.includes(own) ? keyHeaders : [own, ...keyHeaders];
  }

  /** The headers in which a key may come, in lower case. */
  get headerNames(): readonly string[] {
    return this.names;
  }

  /** Who sent a request with these headers. Throws `unauthorized` where no key or a wrong one came with it. */
  async of(headers: RequestHeaders): Promise<Caller> {
    const credentials = Object.fromEntries(
      this.names.flatMap((name) => (headers[name] ? [[name, headers[name]] as const] : [])),
    );
    if (Object.keys(credentials).length === 0)
      throw new ToolturnError(
        'unauthorized',
        'A LiteLLM key is needed: send it as "Authorization: Bearer <key>" or in x-litellm-api-key.',
      );
    // Only digests are kept, never a key.
    const digest = createHash('sha256').update(JSON.stringify(credentials)).digest('hex');
    const known = this.known.get(digest);
    if (known !== undefined && known.until > this.now()) return settled(known);
    const asking = this.asking.get(digest) ?? this.ask(digest, credentials);
    return asking;
  }

  private ask(digest: string, credentials: RequestHeaders): Promise<Caller> {
    const { ask, holdsMs = 60_000, refusedMs = 5_000 } = this.options;
    const asking = ask(credentials)
      .then(
        (caller) => {
          this.keep(digest, { until: this.now() + holdsMs, caller });
          return caller;
        },
        (error: unknown) => {
          // That LiteLLM is away says nothing about the key.
          if (error instanceof ToolturnError && error.status < 500)
            this.keep(digest, { until: this.now() + refusedMs, refusal: error });
          throw error;
        },
      )
      .finally(() => this.asking.delete(digest));
    this.asking.set(digest, asking);
    return asking;
  }

  private keep(digest: string, known: Known): void {
    this.known.delete(digest);
    this.known.set(digest, known);
    const { capacity = 2_000 } = this.options;
    for (const oldest of this.known.keys()) {
      if (this.known.size <= capacity) break;
      this.known.delete(oldest);
    }
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }
}

function settled({ caller, refusal }: Known): Caller {
  if (caller !== undefined) return caller;
  throw refusal ?? new ToolturnError('unauthorized', 'The key is not known.');
}
