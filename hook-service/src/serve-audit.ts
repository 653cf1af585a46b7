import { randomBytes } from 'node:crypto';
import type { Settings } from './config/settings';
import { Audit, memoryAudit } from './core/audit';
import type { Log } from './core/ports';
import { createMask, type Mask } from './core/result-safety';
import { createAuditStore } from './state/audit';

/** The audit trail of a hook-service: in Redis where there is one. */
export function auditOf(redisUrl: string | undefined, now: () => Settings, log: Log): Audit {
  const masks = new WeakMap<Settings, Mask>();
  const maskOf = (settings: Settings): Mask => {
    const mask = masks.get(settings) ?? createMask(settings.secrets);
    masks.set(settings, mask);
    return mask;
  };
  return new Audit({
    store: redisUrl === undefined ? memoryAudit() : createAuditStore({ url: redisUrl, log }),
    log,
    settings: () => now().config.audit,
    // All replicas have it, and nobody who reads the trail.
    hashKey: () => now().environment.secrets[0],
    mask: (text) => maskOf(now())(text),
    replica: randomBytes(6).toString('hex'),
  });
}
