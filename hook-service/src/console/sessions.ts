import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export interface SessionsOptions {
  /** Whoever has it may log in. */
  readonly token: string;
  /** How long a session lasts. */
  readonly lastsMs?: number;
  /** Wrong tokens within a minute, from one address and from all. */
  readonly attempts?: { readonly perAddress: number; readonly overall: number };
  readonly now?: () => number;
}

/** `later`: too many wrong tokens; asked again after a minute. */
export type Login = { readonly session: string } | 'wrong' | 'later';

const mostSessions = 100;
const mostAddresses = 1_000;
const minuteMs = 60_000;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Who is logged in at the console. In memory alone: a restart ends all sessions. */
export class Sessions {
  /** By digest, so that nothing here is a credential. Oldest first. */
  private readonly open = new Map<string, number>();
  private readonly wrong = new Map<string, number[]>();
  private readonly token: Buffer;
  private readonly now: () => number;

  constructor(private readonly options: SessionsOptions) {
    this.token = digest(options.token);
    this.now = options.now ?? Date.now;
  }

  /** Compares in constant time, over digests: neither content nor length shows in the time taken. */
  login(token: string, address: string): Login {
    const { perAddress, overall } = this.options.attempts ?? { perAddress: 5, overall: 30 };
    const recent = this.recent();
    const all = [...recent.values()].reduce((sum, times) => sum + times.length, 0);
    const own = recent.get(address) ?? [];
    if (own.length >= perAddress || all >= overall) return 'later';
    if (!timingSafeEqual(digest(token), this.token)) {
      this.wrong.set(address, [...own, this.now()]);
      return 'wrong';
    }
    this.wrong.delete(address);
    const session = randomBytes(32).toString('base64url');
    this.open.set(keyOf(session), this.now() + this.lastsMs);
    for (const oldest of this.open.keys()) {
      if (this.open.size <= mostSessions) break;
      this.open.delete(oldest);
    }
    return { session };
  }

  isOpen(session: string | undefined): boolean {
    if (session === undefined || session === '') return false;
    const key = keyOf(session);
    const until = this.open.get(key);
    if (until === undefined) return false;
    if (until > this.now()) return true;
    this.open.delete(key);
    return false;
  }

  logout(session: string): void {
    this.open.delete(keyOf(session));
  }

  get lastsMs(): number {
    return this.options.lastsMs ?? 12 * 3_600_000;
  }

  /** Wrong tokens of the last minute, by address. */
  private recent(): ReadonlyMap<string, number[]> {
    const from = this.now() - minuteMs;
    for (const [address, times] of this.wrong) {
      const late = times.filter((time) => time > from);
      if (late.length === 0 || this.wrong.size > mostAddresses) this.wrong.delete(address);
      else this.wrong.set(address, late);
    }
    return this.wrong;
  }
}

const keyOf = (session: string): string => digest(session).toString('base64');
