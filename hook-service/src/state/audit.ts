import { z } from 'zod';
import { fits, type AuditEntry, type AuditGap, type AuditStore } from '../core/audit';
import type { Log } from '../core/ports';
import { connectRedis } from './connection';
import { parseJson } from './stored';

/** The stream that holds the trail of all replicas. */
const auditStream = 'toolturn:audit';
const commandTimeoutMs = 3000;
const page = 1000;
/** A replica whose last sending is older counts as a new one. */
const sentSeconds = 86_400;

/** Appends a sending once: one whose answer was lost is sent again under its number. */
const appendScript = `
if tonumber(ARGV[1]) <= tonumber(redis.call('GET', KEYS[1]) or '0') then return 0 end
for index = 6, #ARGV do redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'entry', ARGV[index]) end
redis.call('XTRIM', KEYS[2], 'MINID', '~', ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[5])
return 1`;

const stored = z.custom<AuditEntry | AuditGap>(
  (value) => typeof value === 'object' && value !== null && 'time' in value,
);

/** The audit trail as a stream in Redis, bounded in length and age, on a connection of its own. */
export function createAuditStore({ url, log }: { url: string; log: Log }): AuditStore {
  // The state's connection says that Redis is lost.
  const redis = connectRedis(url, commandTimeoutMs, (reason) =>
    log.debug('the connection for the audit trail failed', { reason }),
  );
  return {
    async append({ replica, number, records, entries, retentionSeconds }) {
      await redis.eval(
        appendScript,
        2,
        `toolturn:sent:audit:${replica}`,
        auditStream,
        number,
        entries,
        Math.max(0, Date.now() - retentionSeconds * 1000),
        retentionSeconds,
        sentSeconds,
        ...records.map((record) => JSON.stringify(record)),
      );
    },

    async find(query) {
      const found: (AuditEntry | AuditGap)[] = [];
      const oldest = query.since === undefined ? '-' : `${Math.floor(query.since)}`;
      for (let from = '+'; found.length < query.limit;) {
        const rows = await redis.xrevrange(auditStream, from, oldest, 'COUNT', page);
        for (const [, fields] of rows) {
          const record = parsed(fields[1]);
          if (record !== undefined && fits(record, query) && found.length < query.limit) found.push(record);
        }
        const last = rows.at(-1)?.[0];
        if (last === undefined || rows.length < page) break;
        from = `(${last}`;
      }
      return found;
    },

    close: async () => redis.disconnect(),
  };
}

function parsed(text: string | undefined): AuditEntry | AuditGap | undefined {
  const read = stored.safeParse(parseJson(text ?? ''));
  return read.success ? read.data : undefined;
}
