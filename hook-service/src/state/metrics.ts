import type { ChainableCommander } from 'ioredis';
import type { MetricStore, MetricWrite } from '../core/metric-store';
import type { Log } from '../core/ports';
import { connectRedis } from './connection';

/** No sending waits longer. The request path has a connection of its own, so that it never waits behind this one. */
const commandTimeoutMs = 3000;
const leadMs = 20_000;
/** A replica whose last sending is older counts as a new one; no replica is silent for so long and comes back. */
const sentSeconds = 86_400;

/**
 * Applies a sending once. An element that cannot be applied, because a key holds something else, costs the others
 * nothing: a script that broke off in its middle would be applied again from its beginning.
 */
const sendScript = `
local function flat(pairs)
  local all = {}
  for _, pair in ipairs(pairs) do all[#all + 1] = pair[1]; all[#all + 1] = pair[2] end
  return all
end
local sent = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[2]) > sent then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[4])
  for _, write in ipairs(cjson.decode(ARGV[3])) do
    local kind, key = write['do'], write.key
    if kind == 'add' then
      if not write.existing or redis.call('EXISTS', key) == 1 then
        for _, field in ipairs(write.fields) do redis.pcall('HINCRBYFLOAT', key, field[1], field[2]) end
      end
    elseif kind == 'set' then
      redis.pcall('HSET', key, unpack(flat(write.fields)))
    elseif kind == 'default' and redis.call('EXISTS', key) == 0 then
      redis.pcall('HSET', key, unpack(flat(write.fields)))
    elseif kind == 'default' then
      for _, field in ipairs(write.fields) do redis.pcall('HSETNX', key, field[1], field[2]) end
    elseif kind == 'names' then
      redis.pcall('SADD', key, unpack(write.members))
    elseif kind == 'rank' then
      for _, score in ipairs(write.scores) do redis.pcall('ZADD', key, score[2], score[1]) end
    elseif kind == 'append' then
      local entry = flat(write.fields)
      if write.from then
        for _, name in ipairs(write.from.names) do
          local found = redis.pcall('HGET', write.from.key, name)
          entry[#entry + 1] = name
          entry[#entry + 1] = type(found) == 'string' and found or '0'
        end
      end
      redis.pcall('XADD', key, 'MAXLEN', '~', write.most, '*', unpack(entry))
    end
    redis.pcall('EXPIRE', key, write.ttl)
  end
end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[5]) then return 1 end
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1`;

/** The store of metrics in Redis (docs/metrics.md has the keys), on a connection of its own. */
export function createMetricStore({ url, log }: { url: string; log: Log }): MetricStore {
  // The state's connection says that Redis is lost.
  const redis = connectRedis(url, commandTimeoutMs, (reason) =>
    log.debug('the connection for metrics failed', { reason }),
  );
  return {
    get ready() {
      return redis.status === 'ready';
    },

    async send({ replica, number, writes }) {
      const leads = await redis.eval(
        sendScript,
        2,
        `toolturn:sent:${replica}`,
        'toolturn:lead',
        replica,
        number,
        JSON.stringify(writes),
        sentSeconds,
        leadMs,
      );
      return leads === 1;
    },

    async read(keys) {
      if (keys.length === 0) return [];
      const pipeline = redis.pipeline();
      for (const key of keys) pipeline.hgetall(key);
      return results(await pipeline.exec()).map(([error, hash]) => {
        if (error !== null) throw error;
        return hash as Record<string, string>;
      });
    },

    range: (key, from, to) => redis.zrangebyscore(key, from, to),

    async settle({ rows, keepFrom, ttl, remove, members, writes }) {
      const all = redis.multi();
      for (const { key, at, fields } of rows) {
        all.xadd(key, 'MINID', '~', Math.max(Math.floor(keepFrom), 0), `${at}-0`, ...fields.flat());
      }
      for (const key of new Set(rows.map((row) => row.key))) all.expire(key, ttl);
      if (remove.length > 0) all.unlink(...remove);
      for (const { key, member } of members) all.zrem(key, member);
      for (const write of writes) apply(all, write);
      const told = results(await all.exec());
      return rows.map((_, index) => {
        const error = told[index]?.[0];
        return error instanceof Error && error.message.includes('equal or smaller');
      });
    },

    close: async () => redis.disconnect(),
  };
}

/** What whoever leads writes beside rows: states and lists. */
function apply(all: ChainableCommander, write: MetricWrite): void {
  if (write.do === 'set') all.hset(write.key, ...write.fields.flat());
  else if (write.do === 'rank')
    all.zadd(write.key, ...write.scores.flatMap(([name, score]) => [score, name]));
  else return;
  all.expire(write.key, write.ttl);
}

function results(replies: [Error | null, unknown][] | null): [Error | null, unknown][] {
  if (replies === null) throw new Error('Redis gave a transaction up');
  return replies;
}
