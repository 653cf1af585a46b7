/** The password of Redis. A user of Redis may have several at once, so nobody is locked out while clients change. */
import { existsSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { messageOf, StartError } from '../errors';
import { connectRedis } from '../backup/redis-copy';
import { readText } from '../install-files';
import type { Installation } from '../operate/installation';
import { changeAndVerify, partHealth, type Changes } from './change';

const names = ['REDIS_URL', 'REDIS_PASSWORD'] as const;
/** Kept in the env file during the overlap, so that the second half knows what to forget. */
const previous = 'REDIS_PASSWORD_PREVIOUS';

/** Afterwards both passwords are good, and the stack uses the new one. */
export async function beginRedisPassword(
  installation: Installation,
  password: string,
  say: (line: string) => void,
): Promise<void> {
  const { old, user } = credentials(installation);
  if (installation.variable(previous) !== undefined)
    throw new StartError(
      `${previous} is set: a rotation is under way. End it with ./scripts/rotate redis-password --finish.`,
    );
  await withRedis(installation, (redis) => redis.call('ACL', 'SETUSER', user, `>${password}`));
  say(`  Redis accepts both passwords of ${user}`);
  try {
    await changeAndVerify(installation, {
      names: [...names],
      changes: { ...withPassword(installation, password), [previous]: old },
      // A container of Redis has to know both by itself, for a crash between the halves.
      restart: [
        ...container(installation),
        ['hook-service'],
        ...(usesRedis(installation) ? [['litellm']] : []),
      ],
      verify: async () => {
        const { state, reason } = await partHealth(installation, 'redis');
        if (state !== 'ready')
          throw new StartError(`hook-service cannot use Redis with the new password (${reason ?? state}).`);
      },
      say,
    });
  } catch (error) {
    // What changeAndVerify put back still has the old password.
    await withRedis(installation, (redis) => forget(redis, user, password));
    throw error;
  }
}

/** Afterwards Redis refuses the old password. */
export async function finishRedisPassword(
  installation: Installation,
  say: (line: string) => void,
): Promise<void> {
  const old = installation.variable(previous);
  if (old === undefined) return say('  nothing to end: no password waits to be forgotten');
  const { user, old: now } = credentials(installation);
  await withRedis(installation, async (redis) => {
    await forget(redis, user, old);
    if (installation.kind !== 'compose') await keepInRedis(redis, user, now, say);
  });
  await changeAndVerify(installation, {
    names: [previous],
    changes: { [previous]: undefined },
    restart: container(installation),
    say,
  });
}

/** Redis in a container gets its passwords from the variables of its birth: it is made anew when they change. */
function container(installation: Installation): string[][] {
  return installation.kind === 'compose' ? [['litellm-redis']] : [];
}

/** A Redis that was started anew meanwhile may not know it any more, which is as good. */
async function forget(redis: Redis, user: string, password: string): Promise<void> {
  try {
    await redis.call('ACL', 'SETUSER', user, `<${password}`);
  } catch (error) {
    if (!/does not exist/.test(messageOf(error))) throw error;
  }
}

/** A Redis whose own config file has the password has to be told to write it there. */
async function keepInRedis(
  redis: Redis,
  user: string,
  password: string,
  say: (line: string) => void,
): Promise<void> {
  const attempts: [string, string[]][] = [
    ['CONFIG', ['REWRITE']],
    ['ACL', ['SAVE']],
  ];
  for (const [command, args] of attempts) {
    try {
      if (command === 'CONFIG' && user === 'default') await redis.config('SET', 'requirepass', password);
      await redis.call(command, ...args);
      return;
    } catch {
      // No config file, or no ACL file: then the env file alone decides at its next start.
    }
  }
  say('  Redis has no file to keep it in: at its next start the password in the env file counts');
}

function credentials(installation: Installation): { old: string; user: string } {
  const url = installation.variable('REDIS_URL');
  const parsed = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  const old =
    (parsed?.password ? decodeURIComponent(parsed.password) : undefined) ??
    installation.variable('REDIS_PASSWORD');
  if (old === undefined)
    throw new StartError(
      'Redis has no password in the env files of this stack (REDIS_URL or REDIS_PASSWORD): set one first.',
    );
  return { old, user: parsed?.username ? decodeURIComponent(parsed.username) : 'default' };
}

/** LiteLLM itself may have its cache there. */
function usesRedis(installation: Installation): boolean {
  return existsSync(installation.config) && /^[^#\n]*redis/im.test(readText(installation.config));
}

/** The variables that hold the password, with another one. */
function withPassword(installation: Installation, password: string): Changes {
  const url = installation.variable('REDIS_URL');
  const changes: Record<string, string> = {};
  if (url !== undefined && URL.canParse(url)) {
    const changed = new URL(url);
    if (changed.password !== '') {
      changed.password = encodeURIComponent(password);
      changes['REDIS_URL'] = changed.href;
    }
  }
  if (installation.variable('REDIS_PASSWORD') !== undefined) changes['REDIS_PASSWORD'] = password;
  return changes;
}

async function withRedis<T>(installation: Installation, use: (redis: Redis) => Promise<T>): Promise<T> {
  const connection = await connectRedis(installation);
  if (connection === undefined) throw new StartError('REDIS_URL is not set.');
  try {
    return await use(connection.redis);
  } catch (error) {
    throw new StartError(`Redis refused: ${messageOf(error)}`);
  } finally {
    await connection.close();
  }
}
