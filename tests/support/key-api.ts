/** Stands in for LiteLLM's key management where there is no database: as 1.77.3's management endpoints answer. */
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Row = Record<string, any>;

export interface KeyApiStandIn {
  readonly url: string;
  readonly masterKey: string;
  /** What the database holds. */
  readonly rows: Row[];
  /** Changes the clock, in milliseconds since 1970. */
  now: number;
  /** The next requests to this path fail so often. */
  failNext(path: string, times?: number): void;
  /** True where LiteLLM would let a request with this key pass. */
  accepts(key: string): boolean;
  stop(): Promise<void>;
}

const hash = (key: string): string => createHash('sha256').update(key).digest('hex');
const seconds = { s: 1, m: 60, h: 3600, d: 86_400 };

export async function startKeyApi(servers: readonly Row[]): Promise<KeyApiStandIn> {
  const rows: Row[] = [];
  const failing = new Map<string, number>();
  const masterKey = `sk-${randomBytes(8).toString('hex')}`;
  const self = { now: Date.now() };
  const expiry = (duration: unknown): Row => {
    const match = /^(\d+)([smhd])$/.exec(String(duration ?? ''));
    if (match === null) return {};
    const unit = seconds[match[2] as keyof typeof seconds];
    return { expires: new Date(self.now + Number(match[1]) * unit * 1000).toISOString() };
  };
  const refusal = (status: number, message: string) => ({ status, body: { error: { message } } });
  const taken = (alias: unknown, token: string): boolean =>
    alias !== undefined && rows.some((row) => row['key_alias'] === alias && row['token'] !== token);
  const answer = (path: string, query: URLSearchParams, body: Row): { status: number; body: unknown } => {
    const fails = failing.get(path) ?? 0;
    if (fails > 0) {
      failing.set(path, fails - 1);
      return refusal(500, 'Something went wrong');
    }
    if (path === '/v1/mcp/server') return { status: 200, body: servers };
    if (path === '/key/list') {
      const page = Number(query.get('page'));
      const keys = rows.slice((page - 1) * 100, page * 100);
      return { status: 200, body: { keys, current_page: page, total_pages: Math.ceil(rows.length / 100) } };
    }
    if (path === '/key/generate') {
      const { key = `sk-${randomBytes(12).toString('hex')}`, duration, ...row } = body;
      if (!String(key).startsWith('sk-')) return refusal(400, 'Invalid key format.');
      const token = hash(String(key));
      if (taken(row['key_alias'], token)) return refusal(400, 'Key with alias already exists.');
      if (rows.some((each) => each['token'] === token))
        return refusal(400, 'Unique constraint failed: token');
      rows.push({ spend: 0, models: [], expires: null, ...row, token, ...expiry(duration) });
      return { status: 200, body: { ...row, key } };
    }
    if (path === '/key/update') {
      const { key, duration, ...changes } = body;
      const row = rows.find((each) => each['token'] === key);
      if (row === undefined) return refusal(404, 'Key not found');
      if (taken(changes['key_alias'], String(key))) return refusal(400, 'Key with alias already exists.');
      Object.assign(row, changes, expiry(duration));
      return { status: 200, body: row };
    }
    if (path === '/key/delete') {
      const gone = rows.filter(
        (row) => body['keys']?.includes(row['token']) || body['key_aliases']?.includes(row['key_alias']),
      );
      if (gone.length === 0) return refusal(404, 'No keys found');
      for (const row of gone) rows.splice(rows.indexOf(row), 1);
      return { status: 200, body: { deleted_keys: gone.map((row) => row['token']) } };
    }
    return refusal(404, 'Not Found');
  };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (data: Buffer) => (text += data.toString()));
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://stand-in');
      const allowed = request.headers.authorization === `Bearer ${masterKey}`;
      const { status, body } = allowed
        ? answer(pathname, searchParams, text === '' ? {} : (JSON.parse(text) as Row))
        : refusal(401, 'Authentication Error');
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(self, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    masterKey,
    rows,
    failNext: (path: string, times = 1) => void failing.set(path, times),
    accepts: (key: string) => {
      const row = rows.find((each) => each['token'] === hash(key));
      return row !== undefined && (row['expires'] === null || Date.parse(String(row['expires'])) > self.now);
    },
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  });
}
