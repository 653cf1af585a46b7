/**
 * What Toolturn keeps in Redis, as lines of a gzip file, and back. Strings and hashes are written as they are, so that
 * they fit any Redis or Valkey; everything else in the format of DUMP. Times are points in time: what has expired by
 * the day of the restore stays away.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { Redis } from 'ioredis';
import { messageOf, StartError } from '../errors';
import { isRecord, parseRecord } from '../json';
import type { Installation } from '../operate/installation';
import { openTunnel } from './tunnel';

/** Keys of ours: `tt:` is what turns need, `toolturn:` is metrics and the like. Nobody else's are touched. */
const prefixes = ['tt:', 'toolturn:'] as const;

/** Says that a replica lives, for seconds: neither worth keeping nor in anybody's way. */
const isAlive = (key: Buffer): boolean => key.toString('latin1').endsWith(':alive');

interface Entry {
  readonly key: string;
  /** When it expires, in milliseconds since 1970; absent: never. */
  readonly until?: number;
  readonly string?: string;
  readonly hash?: readonly string[];
  readonly dump?: string;
}

const batch = 200;

/** A connection to the stack's Redis and how to end it; undefined where it has none. */
export async function connectRedis(
  installation: Installation,
): Promise<{ redis: Redis; close: () => Promise<void> } | undefined> {
  const text = redisUrl(installation);
  if (text === undefined) return undefined;
  if (!URL.canParse(text))
    throw new StartError('REDIS_URL is not an address such as redis://127.0.0.1:6379.');
  const url = new URL(text);
  const command = installation.reach('redis', url.hostname, Number(url.port || 6379));
  const tunnel = command === undefined ? undefined : await openTunnel(command);
  if (tunnel !== undefined) [url.hostname, url.port] = [tunnel.host, `${tunnel.port}`];
  const redis = new Redis(url.href, {
    lazyConnect: true,
    connectTimeout: 10_000,
    commandTimeout: 60_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined); // every command says it
  const close = async (): Promise<void> => {
    redis.disconnect();
    await tunnel?.close();
  };
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    await close();
    throw new StartError(`Redis does not answer: ${messageOf(error)}`);
  }
  return { redis, close };
}

/** In containers the address stands in the compose file. A password may stand beside it. */
function redisUrl(installation: Installation): string | undefined {
  const given = installation.variable('REDIS_URL');
  if (given === undefined && installation.kind !== 'compose') return undefined;
  const password = installation.variable('REDIS_PASSWORD');
  const address = given ?? 'redis://litellm-redis:6379';
  if (password === undefined || !URL.canParse(address) || new URL(address).password !== '') return address;
  const url = new URL(address);
  url.password = encodeURIComponent(password);
  return url.href;
}

/** Writes all keys of ours; returns how many. */
export async function saveRedis(redis: Redis, file: string): Promise<number> {
  let count = 0;
  const seen = new Set<string>();
  async function* lines(): AsyncGenerator<string> {
    for (const prefix of prefixes) {
      const stream = redis.scanBufferStream({ match: `${prefix}*`, count: batch }) as AsyncIterable<Buffer[]>;
      for await (const found of stream) {
        const keys = found.filter((key) => !seen.has(key.toString('latin1')) && !isAlive(key));
        for (const key of keys) seen.add(key.toString('latin1'));
        for (const entry of await read(redis, keys)) {
          count += 1;
          yield `${JSON.stringify(entry)}\n`;
        }
      }
    }
  }
  await pipeline(lines, createGzip(), createWriteStream(file, { mode: 0o600 }));
  return count;
}

async function read(redis: Redis, keys: readonly Buffer[]): Promise<Entry[]> {
  if (keys.length === 0) return [];
  const first = redis.pipeline();
  for (const key of keys) first.type(key).pttl(key);
  const known = values(await first.exec());
  const types = keys.map((_, index) => String(known[index * 2]));
  const second = redis.pipeline();
  keys.forEach((key, index) => {
    if (types[index] === 'string') second.getBuffer(key);
    else if (types[index] === 'hash') second.callBuffer('HGETALL', key);
    else second.dumpBuffer(key);
  });
  const contents = values(await second.exec());
  const now = Date.now();
  return keys.flatMap((key, index): Entry[] => {
    const [left, content] = [Number(known[index * 2 + 1]), contents[index]];
    // Expired or deleted since it was found.
    if (left === -2 || content === null || content === undefined) return [];
    const entry = { key: key.toString('base64'), ...(left < 0 ? {} : { until: now + left }) };
    if (types[index] === 'string') return [{ ...entry, string: (content as Buffer).toString('base64') }];
    if (types[index] !== 'hash') return [{ ...entry, dump: (content as Buffer).toString('base64') }];
    const fields = (content as Buffer[]).map((each) => each.toString('base64'));
    return fields.length === 0 ? [] : [{ ...entry, hash: fields }];
  });
}

/** How many keys of turns are there. Those of metrics do not count: a hook-service that runs writes them every second. */
export async function countRedis(redis: Redis): Promise<number> {
  let count = 0;
  await forKeys(redis, ['tt:'], (keys) => void (count += keys.length));
  return count;
}

/** Deletes all keys of ours. */
export async function clearRedis(redis: Redis): Promise<void> {
  await forKeys(redis, prefixes, async (keys) => void (await redis.unlink(...keys)));
}

async function forKeys(
  redis: Redis,
  these: readonly string[],
  use: (keys: Buffer[]) => unknown,
): Promise<void> {
  for (const prefix of these) {
    const stream = redis.scanBufferStream({ match: `${prefix}*`, count: batch }) as AsyncIterable<Buffer[]>;
    for await (const found of stream) {
      const keys = found.filter((key) => !isAlive(key));
      if (keys.length > 0) await use(keys);
    }
  }
}

/** Puts the file's keys back; `skipped` had expired meanwhile. */
export async function loadRedis(redis: Redis, file: string): Promise<{ restored: number; skipped: number }> {
  let [restored, skipped] = [0, 0];
  await forEntries(file, async (entries) => {
    const now = Date.now();
    const due = entries.filter(({ until }) => until === undefined || until > now);
    skipped += entries.length - due.length;
    await write(redis, due, (key) => key);
    restored += due.length;
  });
  return { restored, skipped };
}

/**
 * Restores the file under names of its own that expire within minutes, reads everything again and compares. Returns
 * how many were compared. Throws `StartError` at the first that differs.
 */
export async function tryRedis(redis: Redis, file: string): Promise<number> {
  let count = 0;
  const scratch = `tt-verify:${process.pid}:${Date.now()}:`;
  await forEntries(file, async (entries) => {
    const moved = (key: Buffer): Buffer => Buffer.concat([Buffer.from(scratch), key]);
    const until = Date.now() + 120_000;
    await write(
      redis,
      entries.map((entry) => ({ ...entry, until })),
      moved,
    );
    const keys = entries.map(({ key }) => moved(Buffer.from(key, 'base64')));
    const found = await read(redis, keys);
    if (keys.length > 0) await redis.unlink(...keys);
    const same = entries.every((entry, index) => {
      const other = found[index];
      if (entry.hash !== undefined)
        return JSON.stringify(pairsOf(other?.hash)) === JSON.stringify(pairsOf(entry.hash));
      return (
        other !== undefined &&
        other.string === entry.string &&
        (entry.dump === undefined || other.dump !== undefined)
      );
    });
    if (!same) throw new StartError(`${file}: what was restored from it to try it is not what stands in it.`);
    count += entries.length;
  });
  return count;
}

/** Name and value of a hash's fields in one order. */
function pairsOf(hash: readonly string[] = []): string[] {
  return hash.flatMap((each, index) => (index % 2 === 0 ? [`${each} ${hash[index + 1]}`] : [])).sort();
}

async function write(redis: Redis, entries: readonly Entry[], name: (key: Buffer) => Buffer): Promise<void> {
  const commands = redis.pipeline();
  for (const { key: encoded, until, string, hash, dump } of entries) {
    const key = name(Buffer.from(encoded, 'base64'));
    const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
    if (string !== undefined) commands.set(key, bytes(string));
    else if (hash !== undefined) commands.del(key).call('HSET', key, ...hash.map(bytes));
    else if (dump !== undefined) commands.call('RESTORE', key, '0', bytes(dump), 'REPLACE');
    if (until !== undefined) commands.pexpireat(key, until);
  }
  values(await commands.exec());
}

async function forEntries(file: string, use: (entries: Entry[]) => Promise<void>): Promise<void> {
  const lines = createInterface({ input: createReadStream(file).pipe(createGunzip()), crlfDelay: Infinity });
  let waiting: Entry[] = [];
  let number = 0;
  for await (const line of lines) {
    number += 1;
    waiting.push(entryOf(line, `${file}, line ${number}`));
    if (waiting.length < batch) continue;
    await use(waiting);
    waiting = [];
  }
  if (waiting.length > 0) await use(waiting);
}

function entryOf(line: string, place: string): Entry {
  const value = parseRecord(line);
  const isText = (each: unknown): boolean => typeof each === 'string';
  if (
    isRecord(value) &&
    isText(value.key) &&
    (value.until === undefined || typeof value.until === 'number') &&
    [value.string, value.dump].every((each) => each === undefined || isText(each)) &&
    (value.hash === undefined || (Array.isArray(value.hash) && value.hash.every(isText)))
  )
    return value as unknown as Entry;
  throw new StartError(`${place} is damaged: take another backup.`);
}

function values(answers: [Error | null, unknown][] | null): unknown[] {
  return (answers ?? []).map(([error, value]) => {
    if (error !== null) throw new StartError(`Redis refused a command: ${error.message}`);
    return value;
  });
}
