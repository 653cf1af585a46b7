/** An MCP server that wants access tokens, and its authorization server (client-credentials grant), under a test's control. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json, speaking } from './raw-fixture';

export interface OAuthFixture {
  readonly url: string;
  readonly authUrl: string;
  /** Requests by path, those for tokens included. */
  readonly counts: Record<string, number>;
  /** Bodies of the requests for tokens. */
  readonly tokenRequests: { readonly authorization: string | undefined; readonly form: URLSearchParams }[];
  /** May be changed at any time. */
  options: {
    expiresIn: number;
    /** What the server names as its authorization server. */
    authorizationServer: string;
    /** What the authorization server calls itself. */
    issuer: string;
    tokenEndpoint: string;
    tokenStatus: number;
    tokenRedirect?: string;
  };
  /** No token that was given so far is good any more. */
  revoke(): void;
  stop(): Promise<void>;
}

export async function startOAuthFixture(): Promise<OAuthFixture> {
  const counts: Record<string, number> = {};
  const count = (name: string) => (counts[name] = (counts[name] ?? 0) + 1);
  const handlers = speaking('2025-11-25');
  let good = new Set<string>();
  let tokens = 0;

  const [resource, resourceUrl] = await listen(async (request, response) => {
    count(`${request.method} ${request.url}`);
    const body = await read(request);
    if (request.url?.startsWith('/.well-known/oauth-protected-resource') === true) {
      json(response, { resource: url, authorization_servers: [fixture.options.authorizationServer] });
      return;
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined || !good.has(token)) {
      const metadata = `${resourceUrl}/.well-known/oauth-protected-resource/mcp`;
      response.writeHead(401, {
        'www-authenticate': `Bearer resource_metadata="${metadata}", scope="tools"`,
      });
      response.end();
      return;
    }
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const message = JSON.parse(body) as { id?: number; method: string };
    const handler = handlers[message.method];
    if (message.id === undefined) return void response.writeHead(202).end();
    if (handler === undefined) {
      json(response, {
        jsonrpc: '2.0',
        id: message.id,
        error: { code: -32601, message: 'Method not found' },
      });
      return;
    }
    json(response, { jsonrpc: '2.0', id: message.id, result: handler({} as never) });
  });
  const [authorization, authUrl] = await listen(async (request, response) => {
    count(`${request.method} ${request.url}`);
    const body = await read(request);
    if (request.url?.startsWith('/.well-known/') === true) {
      json(response, {
        issuer: fixture.options.issuer,
        token_endpoint: fixture.options.tokenEndpoint,
        authorization_endpoint: `${authUrl}/authorize`,
        response_types_supported: ['code'],
        grant_types_supported: ['client_credentials'],
        token_endpoint_auth_methods_supported: ['client_secret_basic'],
      });
      return;
    }
    fixture.tokenRequests.push({
      authorization: request.headers.authorization,
      form: new URLSearchParams(body),
    });
    const { tokenStatus, tokenRedirect, expiresIn } = fixture.options;
    if (tokenRedirect !== undefined) return void response.writeHead(307, { location: tokenRedirect }).end();
    if (tokenStatus !== 200) return json(response, { error: 'invalid_client' }, tokenStatus);
    tokens += 1;
    good.add(`token-${tokens}`);
    json(response, { access_token: `token-${tokens}`, token_type: 'Bearer', expires_in: expiresIn });
  });

  const url = `${resourceUrl}/mcp`;
  const fixture: OAuthFixture = {
    url,
    authUrl,
    counts,
    tokenRequests: [],
    options: {
      expiresIn: 3600,
      authorizationServer: authUrl,
      issuer: authUrl,
      tokenEndpoint: `${authUrl}/token`,
      tokenStatus: 200,
    },
    revoke: () => void (good = new Set()),
    async stop() {
      for (const server of [resource, authorization]) {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeAllConnections();
        await closed;
      }
    },
  };
  return fixture;
}

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`] as const;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
