/**
 * What keeps mcp-server-fetch from the network that it runs in. Names are resolved by a proxy here, as they are in a network
 * without DNS: so a page that seems public can lead to an address that is not.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { testWith } from './available';
import { startPage, type Page } from './page';
import { installation } from './place';
import { composeFile } from '../support/compose';

let proxy: Server;
let page: Page;
const asked: string[] = [];
const clients: Client[] = [];

beforeAll(async () => {
  page = await startPage('tide');
  proxy = createServer((request, response) => {
    const url = new URL(request.url ?? '');
    asked.push(url.href);
    if (url.hostname !== 'public.invalid') return void response.writeHead(200).end('a secret of the house');
    const target = url.searchParams.get('to');
    if (url.pathname === '/robots.txt') return void response.writeHead(404).end();
    if (target !== null) return void response.writeHead(302, { location: target }).end();
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(`<html><body><p>${'A long page. '.repeat(2000)}</p></body></html>`);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  for (const client of clients) await client.close();
  await page?.stop();
  proxy?.closeAllConnections();
  proxy?.close();
});

async function connect(...args: string[]): Promise<Client> {
  const command = installation.python('fetch', 'mcp-server-fetch');
  const client = new Client({ name: 'test', version: '1' });
  const env = { PATH: dirname(command) };
  await client.connect(new StdioClientTransport({ command, args, env, stderr: 'ignore' }));
  clients.push(client);
  return client;
}

async function fetchFrom(client: Client, args: Record<string, unknown>): Promise<[boolean, string]> {
  const { isError, content } = await client.callTool({ name: 'fetch', arguments: args });
  return [isError === true, (content as { text?: string }[]).map(({ text }) => text ?? '').join('')];
}

testWith(
  ['fetch'],
  'private, loopback, metadata and odd addresses are refused, and nobody is asked',
  async () => {
    const client = await connect();
    for (const host of [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '10.0.0.1',
      '192.168.1.1',
      '172.16.0.1',
      '169.254.169.254',
      '100.100.100.200',
      '[fd00:ec2::254]',
      '[::ffff:127.0.0.1]',
      '2130706433',
      '0.0.0.0',
    ]) {
      const { port } = new URL(page.url);
      const [isError, text] = await fetchFrom(client, { url: `http://${host}:${port}/office.html` });
      expect([host, isError, text]).toEqual([host, true, expect.stringContaining('not a public address')]);
    }
  },
);

testWith(['fetch'], 'a public page that leads to a private address is not followed', async () => {
  const { port } = proxy.address() as AddressInfo;
  const client = await connect(`--proxy-url=http://127.0.0.1:${port}`);
  for (const target of [
    'http://127.0.0.1/secret',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
  ]) {
    const [isError, text] = await fetchFrom(client, {
      url: `http://public.invalid/?to=${encodeURIComponent(target)}`,
    });
    expect([isError, text]).toEqual([true, expect.stringContaining('not a public address')]);
    expect(asked).not.toContain(target);
  }
});

testWith(['fetch'], 'a long page comes in pieces of the length that was asked for', async () => {
  const { port } = proxy.address() as AddressInfo;
  const client = await connect(`--proxy-url=http://127.0.0.1:${port}`);
  const [isError, text] = await fetchFrom(client, { url: 'http://public.invalid/', max_length: 100 });
  expect(isError).toBe(false);
  expect(text.length).toBeLessThan(400);
  expect(text).toContain('start_index of 100');
});

testWith(['fetch'], 'the container is started without the option that would allow them', async () => {
  const { services } = composeFile('mcp/fetch/compose.yml');
  expect(services['mcp-fetch']?.command.join(' ')).not.toContain('--allow-private-ips');
  await Promise.resolve();
});
