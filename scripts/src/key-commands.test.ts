import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KeyApi } from './key-api';
import { listKeys, newKey, revokeKey } from './key-commands';

/** Answers as LiteLLM 1.77.3's key management does where it has a database (management_endpoints). */
const servers = [
  { server_id: 'id-of-fs', server_name: 'filesystem', alias: 'fs' },
  { server_id: 'id-of-db', server_name: 'db_main', alias: null },
];
let litellm: Server;
let api: KeyApi;
let asked: { path: string; authorization: string | undefined; body: unknown }[];
let answers: Record<string, { status: number; body: unknown }>;

beforeAll(async () => {
  litellm = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const path = req.url ?? '';
      const text = Buffer.concat(chunks).toString();
      const { authorization } = req.headers;
      asked.push({ path, authorization, body: text === '' ? undefined : JSON.parse(text) });
      const { status, body } = answers[path] ?? { status: 404, body: { detail: 'Not Found' } };
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => litellm.listen(0, '127.0.0.1', resolve));
  api = { url: `http://127.0.0.1:${(litellm.address() as AddressInfo).port}/`, masterKey: 'sk-master' };
});

afterAll(() => new Promise((resolve) => litellm.close(resolve)));

beforeEach(() => {
  asked = [];
  answers = {
    '/v1/mcp/server': { status: 200, body: servers },
    '/key/generate': { status: 200, body: { key: 'sk-made', key_alias: 'ada' } },
    '/key/delete': { status: 200, body: { deleted_keys: ['ada'] } },
  };
});

const wanted = { alias: 'ada', models: ['gpt'], servers: [], groups: [] };

describe('a new key', () => {
  it('is bound to models and, by their ids, to MCP servers that are named by name or alias', async () => {
    expect(await newKey(api, { ...wanted, servers: ['fs', 'db_main'], duration: '30d' })).toBe('sk-made');
    expect(asked.at(-1)).toEqual({
      path: '/key/generate',
      authorization: 'Bearer sk-master',
      body: {
        key_alias: 'ada',
        models: ['gpt'],
        object_permission: { mcp_servers: ['id-of-fs', 'id-of-db'] },
        duration: '30d',
      },
    });
  });

  it('has no grants where none are asked for', async () => {
    await newKey(api, wanted);
    expect(asked).toEqual([expect.objectContaining({ body: { key_alias: 'ada', models: ['gpt'] } })]);
  });

  it('is not made for a server that there is not', async () => {
    await expect(newKey(api, { ...wanted, servers: ['fs', 'nope'] })).rejects.toThrow(
      'There is no MCP server nope. LiteLLM knows: fs, db_main.',
    );
    expect(asked.map(({ path }) => path)).toEqual(['/v1/mcp/server']);
  });

  it.each([
    ['no database', { error: { message: 'No connected db.' } }, /has no database.*DATABASE_URL/],
    ['a database that is not connected', { detail: { error: 'DB not connected' } }, /has no database/],
    [
      'an alias that exists',
      { error: { message: 'Alias exists\nTraceback' } },
      /^LiteLLM answered 400: Alias exists$/,
    ],
  ])('is refused with a sentence: %s', async (_, body, message) => {
    answers['/key/generate'] = { status: 400, body };
    await expect(newKey(api, wanted)).rejects.toThrow(message);
  });
});

describe('keys', () => {
  it('are listed over all pages by alias', async () => {
    const page = (number: number, keys: object[]) => ({
      status: 200,
      body: { keys, total_pages: 2, current_page: number },
    });
    answers['/key/list?return_full_object=true&size=100&page=1'] = page(1, [
      { key_alias: 'ada' },
      { key_alias: null },
    ]);
    answers['/key/list?return_full_object=true&size=100&page=2'] = page(2, [{ key_alias: 'bob' }]);
    expect(await listKeys(api)).toEqual(['ada', '(without an alias)', 'bob']);
  });

  it('are revoked by alias', async () => {
    await revokeKey(api, 'ada');
    expect(asked.at(-1)).toMatchObject({ path: '/key/delete', body: { key_aliases: ['ada'] } });
  });

  it('cannot be asked for where nobody is, and the message does not hold the master key', async () => {
    const failure = await listKeys({ ...api, url: 'http://127.0.0.1:9' }).catch(
      (error: Error) => error.message,
    );
    expect(failure).toBe('LiteLLM cannot be reached at http://127.0.0.1:9: is LITELLM_URL right?');
  });
});
