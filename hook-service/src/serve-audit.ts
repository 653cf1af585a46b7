import { randomBytes } from 'node:crypto';
import { Audit, memoryAudit } from './core/audit';
import type { Log } from './core/ports';
import type { Wired } from './generation';
import { createAuditStore } from './state/audit';

/** The audit trail of a hook-service: in Redis where there is one. */
export function auditOf(
  redisUrl: string | undefined,
  now: () => Pick<Wired, 'settings' | 'mask'>,
  log: Log,
): Audit {
  return new Audit({
    store: redisUrl === undefined ? memoryAudit() : createAuditStore({ url: redisUrl, log }),
    log,
    settings: () => now().settings.config.audit,
    // All replicas have it, and nobody who reads the trail.
    hashKey: () => now().settings.environment.secrets[0],
    mask: (text) => now().mask(text),
    replica: randomBytes(6).toString('hex'),
  });
}
