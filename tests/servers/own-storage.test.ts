import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Listener } from '../support/mcp/listener';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';
import { startStorage, type Storage } from './storage';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-storage-'));
let storage: Storage;
let endpoint: string;
let server: OwnServer;

beforeAll(async () => {
  storage = await startStorage(dir, 'papers');
  endpoint = storage.url;
  for (let i = 0; i < 1100; i += 1) await storage.put(`many/${`${i}`.padStart(4, '0')}`, 'x');
  await storage.put('note.txt', 'Größe: 😀 end', 'text/plain');
  await storage.put('big.txt', 'é'.repeat(3000));
  await storage.put('photo.png', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2]), 'image/png');
  server = await start();
});

afterAll(async () => {
  await server?.stop();
  await storage?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const start = (env: Record<string, string> = {}) =>
  startOwnServer('storage', {
    MINIO_ENDPOINT: endpoint,
    MINIO_ACCESS_KEY: 'key',
    MINIO_SECRET_KEY: 'secret',
    MINIO_MAX_BYTES: '1001',
    ...env,
  });

async function answer(tool: string, args: Record<string, unknown> = {}): Promise<any> {
  const { text, isError } = await server.call(tool, { bucket_name: 'papers', ...args });
  if (isError) throw new Error(text);
  return JSON.parse(text);
}

describe('the storage server', () => {
  it('lists more objects than one page of the storage holds', async () => {
    const { objects, more } = await answer('minio_list_objects', { prefix: 'many/', limit: 5000 });
    expect([objects.length, more, objects[1099]]).toEqual([
      1100,
      false,
      { key: 'many/1099', size: 1, last_modified: expect.any(String) },
    ]);
  });

  it('lists in pages', async () => {
    const first = await answer('minio_list_objects', { prefix: 'many/', limit: 2 });
    expect([first.objects.map((each: { key: string }) => each.key), first.more]).toEqual([
      ['many/0000', 'many/0001'],
      true,
    ]);
    const second = await answer('minio_list_objects', { prefix: 'many/', limit: 1, after: 'many/0001' });
    expect(second.objects[0].key).toBe('many/0002');
  });

  it('gives the text of an object with its type and size', async () => {
    expect(await answer('minio_get_object', { object_name: 'note.txt' })).toEqual({
      key: 'note.txt',
      size: 17,
      content_type: 'text/plain',
      text: 'Größe: 😀 end',
    });
  });

  it('gives a long text in pieces that cut no character in two', async () => {
    let text = '';
    for (let offset: number | undefined = 0; offset !== undefined;) {
      const piece: any = await answer('minio_get_object', { object_name: 'big.txt', offset });
      text += piece.text;
      offset = piece.next_offset;
    }
    expect(text).toBe('é'.repeat(3000));
  });

  it('says of binary content only what it is', async () => {
    const found = await answer('minio_get_object', { object_name: 'photo.png' });
    expect(found).toMatchObject({ binary: true, size: 7 });
    expect(found).not.toHaveProperty('text');
  });

  it('tells the model which bucket or object there is not', async () => {
    const call = (args: object) => server.call('minio_get_object', { bucket_name: 'papers', ...args });
    expect(await call({ object_name: 'nope' })).toEqual({
      isError: true,
      text: 'There is no object "nope" in "papers".',
    });
    expect(await server.call('minio_list_objects', { bucket_name: 'nowhere' })).toEqual({
      isError: true,
      text: 'There is no bucket "nowhere".',
    });
  });

  it('says that access is refused, and keeps the credentials to itself', async () => {
    const body = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>No.</Message></Error>';
    const strict = new Listener((_, res) =>
      res.writeHead(403, { 'content-type': 'application/xml' }).end(body),
    );
    await strict.up();
    const stranger = await start({
      MINIO_ENDPOINT: `http://127.0.0.1:${strict.port}`,
      MINIO_SECRET_KEY: 'canary-secret',
    });
    try {
      const result = await stranger.call('minio_list_objects', { bucket_name: 'papers' });
      expect(result).toEqual({
        isError: true,
        text: 'The storage refuses access to "papers" (AccessDenied).',
      });
      expect(stranger.process.tail(100)).not.toContain('canary-secret');
    } finally {
      await stranger.stop();
      await strict.down();
    }
  });

  it('is not healthy while the storage is away', async () => {
    expect((await fetch(new URL('/health', server.url))).status).toBe(200);
    const away = await start({ MINIO_ENDPOINT: 'http://127.0.0.1:9' });
    try {
      expect((await fetch(new URL('/health', away.url))).status).toBe(503);
      expect(await away.call('minio_list_objects', { bucket_name: 'papers' })).toEqual({
        isError: true,
        text: 'The storage cannot be reached now.',
      });
    } finally {
      await away.stop();
    }
  });
});
