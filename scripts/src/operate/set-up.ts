/** Folders, env files, random secrets and networks of a stack in containers. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { StartError } from '../errors';
import { changeEnv, changeEnvFile, parseEnv } from './env-file';
import { execute, outputOf } from './execute';

/** Variables for which a random value is as good as any other; everything else an operator has to know. */
const made: Readonly<Record<string, () => string>> = {
  TOOLTURN_SECRET: () => randomBytes(32).toString('hex'),
  // LiteLLM accepts only keys that begin with sk-.
  LITELLM_MASTER_KEY: () => `sk-${randomBytes(24).toString('hex')}`,
  LITELLM_SALT_KEY: () => `sk-${randomBytes(24).toString('hex')}`,
  UI_USERNAME: () => `admin-${randomBytes(3).toString('hex')}`,
  UI_PASSWORD: () => randomBytes(18).toString('base64url'),
  REDIS_PASSWORD: () => randomBytes(24).toString('hex'),
  TOOLTURN_DATA_KEY: () => randomBytes(32).toString('hex'),
  DATABASE_PASSWORD: () => randomBytes(24).toString('hex'),
  POSTGRES_PASSWORD: () => randomBytes(24).toString('hex'),
  GRAFANA_REDIS_PASSWORD: () => randomBytes(24).toString('hex'),
  GF_SECURITY_ADMIN_PASSWORD: () => randomBytes(18).toString('base64url'),
};

/** Made where the example does not ask for them; the others are optional and stay so. */
const always = [
  'TOOLTURN_SECRET',
  'LITELLM_MASTER_KEY',
  'UI_USERNAME',
  'UI_PASSWORD',
  'REDIS_PASSWORD',
  'POSTGRES_PASSWORD',
];

/** What a profile of the stack reads beside. */
const envFilesOf: Readonly<Record<string, readonly string[]>> = {
  db: ['litellm-db.env'],
  grafana: ['grafana.env', 'grafana-redis.env'],
  observe: ['grafana.env', 'grafana-redis.env'],
  all: ['litellm-db.env', 'grafana.env', 'grafana-redis.env'],
};

/** Networks that compose files of the stack join and none of them makes. */
const networks = ['litellm-mcp-net', 'postgres-net'];

/** What was made or mended, a line each. Files that are there keep every value they have. */
export async function setUp(options: {
  readonly root: string;
  /** Servers of mcp/ that are wanted. */
  readonly servers: readonly string[];
  /** Profiles of the stack, beside servers: `db`, `grafana`, `loki`, `observe`, `all`. */
  readonly parts: readonly string[];
  readonly networks: boolean;
  /** hook-service.env as well, with a key for what is kept in Redis. */
  readonly dataKey?: boolean;
}): Promise<string[]> {
  const { root } = options;
  const lines: string[] = [];
  for (const name of ['compose', '.toolturn', join('.toolturn', 'backups')]) {
    const dir = join(root, name);
    if (existsSync(dir)) continue;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    lines.push(`made ${name}/`);
  }
  const pairs = [
    ...[
      'toolturn.env',
      'litellm.env',
      'redis.env',
      ...(options.dataKey === true ? ['hook-service.env'] : []),
      ...options.parts.flatMap((part) => envFilesOf[part] ?? []),
    ]
      .map((name) => join(root, 'compose', name))
      .filter((file) => existsSync(file) || existsSync(`${file}.example`)),
    ...options.servers.map((name) => join(root, 'mcp', name, `${name}.env`)),
  ];
  for (const file of pairs) lines.push(...envFile(root, file));
  if (options.networks) lines.push(...(await makeNetworks()));
  return lines;
}

function envFile(root: string, file: string): string[] {
  const example = `${file}.example`;
  const name = relative(root, file);
  if (!existsSync(file) && !existsSync(example))
    throw new StartError(`There is no ${relative(root, example)}: is the name right?`);
  const lines: string[] = [];
  if (!existsSync(file)) {
    const text = readFileSync(example, 'utf8');
    writeFileSync(file, changeEnv(text, missing(text)), { mode: 0o600, flag: 'wx' });
    lines.push(`made ${name} from its example, mode 600`);
  } else {
    const text = readFileSync(file, 'utf8');
    const changes = missing(text);
    if (Object.keys(changes).length > 0) {
      changeEnvFile(file, changes);
      lines.push(`filled ${Object.keys(changes).join(', ')} in ${name}`);
    }
  }
  if ((statSync(file).mode & 0o077) !== 0) {
    chmodSync(file, 0o600);
    lines.push(`closed ${name}: mode 600`);
  }
  const empty = [...parseEnv(readFileSync(file, 'utf8'))]
    .filter(([, value]) => value === '')
    .map(([each]) => each);
  if (empty.length > 0) lines.push(`to fill in ${name}: ${empty.join(', ')} (those that are used)`);
  return lines;
}

/** Random values for what the file names, also behind a "#", and gives no value. */
function missing(text: string): Record<string, string> {
  const set = parseEnv(text);
  const named = new Set([...text.matchAll(/^#?\s*([A-Z][A-Z0-9_]*)=/gm)].map((match) => match[1] ?? ''));
  return Object.fromEntries(
    Object.entries(made).flatMap(([name, make]) => {
      const wanted = set.has(name) || (named.has(name) && always.includes(name));
      return wanted && !set.get(name) ? [[name, make()] as const] : [];
    }),
  );
}

/** Makes the networks that are missing; other names are nobody's business here. */
async function makeNetworks(): Promise<string[]> {
  const lines: string[] = [];
  for (const name of networks) {
    const { code } = await execute(['docker', 'network', 'inspect', name], { timeoutMs: 30_000 });
    if (code === 0) continue;
    await outputOf(['docker', 'network', 'create', name], { timeoutMs: 60_000 });
    lines.push(`made the network ${name}`);
  }
  return lines;
}
