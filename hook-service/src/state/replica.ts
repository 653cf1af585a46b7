import type { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import type { Whereabouts } from '../core/ports';

/** A replica whose heartbeat is older counts as dead. Long enough for a machine that is very busy. */
const aliveSeconds = 10;
const beatMs = 2_000;

const keyOf = (replica: string): string => `tt:{${replica}}:alive`;

/** This process among the replicas that share a Redis: a heartbeat says that it lives. */
export class Replica {
  readonly id = randomBytes(8).toString('hex');
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly redis: Redis) {
    redis.on('ready', () => this.beat());
    this.timer = setInterval(() => this.beat(), beatMs);
    this.timer.unref();
  }

  /** Where a replica is. Of one that wrote no name nothing is known, so it counts as alive. */
  async whereIs(replica: string | undefined): Promise<Whereabouts> {
    if (replica === undefined) return 'elsewhere';
    if (replica === this.id) return 'here';
    return (await this.redis.exists(keyOf(replica))) === 1 ? 'elsewhere' : 'dead';
  }

  /** Says that this replica has ended; what it had claimed is nobody's from then on. */
  async end(): Promise<void> {
    clearInterval(this.timer);
    if (this.redis.status === 'ready') await this.redis.del(keyOf(this.id)).catch(() => undefined);
  }

  private beat(): void {
    if (this.redis.status !== 'ready') return;
    // The next beat comes soon; whether Redis works is said elsewhere.
    this.redis.set(keyOf(this.id), '1', 'EX', aliveSeconds).catch(() => undefined);
  }
}
