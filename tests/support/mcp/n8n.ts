import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { Listener } from './listener';

/** A workflow as n8n's API gives it. */
export interface KeptWorkflow {
  readonly id: string;
  readonly name: string;
  active: boolean;
  readonly tags?: readonly { readonly id: string; readonly name: string }[];
  readonly nodes: readonly Record<string, unknown>[];
  readonly connections?: object;
}

/** What a webhook was called with. */
export interface Begun {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly headers: IncomingMessage['headers'];
}

/**
 * Answers as n8n does: the paths of its public API v1 that are used, as its reference documents them
 * (https://docs.n8n.io/api/), `/healthz`, and the production webhooks of active workflows. Executions are numbered; a
 * webhook that is called adds one, and answers with what it got.
 */
export async function startN8n(key: string, workflows: readonly KeptWorkflow[]) {
  const begun: Begun[] = [];
  const executions: Record<string, unknown>[] = [];
  const asked: string[] = [];
  const listener = new Listener((req, res) => {
    const url = new URL(req.url ?? '/', 'http://n8n');
    const query = Object.fromEntries(url.searchParams);
    const reply = (status: number, body: unknown) =>
      void res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === '/healthz') return reply(200, { status: 'ok' });
    asked.push(`${req.method} ${url.pathname}`);
    if (url.pathname.startsWith('/webhook/')) return void webhook(req, url, reply);
    if (req.headers['x-n8n-api-key'] !== key) return reply(401, { message: 'unauthorized' });
    const [, what, id, action] = /^\/api\/v1\/(\w+)(?:\/([^/]+))?(?:\/(\w+))?$/.exec(url.pathname) ?? [];
    if (what === 'workflows') {
      if (id === undefined) {
        const wanted = workflows.filter(
          (each) =>
            (query['active'] === undefined || `${each.active}` === query['active']) &&
            (query['name'] === undefined || each.name === query['name']) &&
            (query['tags'] === undefined ||
              query['tags'].split(',').every((tag) => each.tags?.some(({ name }) => name === tag))),
        );
        return reply(200, paged(wanted, query));
      }
      const found = workflows.find((each) => each.id === decodeURIComponent(id));
      if (found === undefined) return reply(404, { message: 'Not Found' });
      if (action === undefined && req.method === 'GET') return reply(200, found);
      if (req.method !== 'POST') return reply(405, { message: `${req.method} method not allowed` });
      found.active = action === 'activate';
      return reply(200, found);
    }
    if (what === 'executions') {
      const plain = ({ data: _, ...rest }: Record<string, unknown>) => rest;
      if (id === undefined) {
        const wanted = executions.filter(
          (each) =>
            (query['workflowId'] === undefined || each['workflowId'] === query['workflowId']) &&
            (query['status'] === undefined || each['status'] === query['status']),
        );
        return reply(200, paged(wanted.map(plain).reverse(), query));
      }
      const found = executions.find((each) => `${each['id']}` === id);
      if (found === undefined) return reply(404, { message: 'Not Found' });
      return reply(200, query['includeData'] === 'true' ? found : plain(found));
    }
    reply(404, { message: 'not found' });
  });

  async function webhook(req: IncomingMessage, url: URL, reply: (status: number, body: unknown) => void) {
    const path = decodeURIComponent(url.pathname.slice('/webhook/'.length));
    const [workflow, node] =
      workflows
        .flatMap((each) => each.nodes.map((one) => [each, one] as const))
        .find(([, one]) => (one['parameters'] as { path?: string })?.path === path) ?? [];
    if (workflow?.active !== true || node === undefined)
      return reply(404, {
        code: 404,
        message: `The requested webhook "${req.method} ${path}" is not registered.`,
      });
    const { authentication } = node['parameters'] as { authentication?: string };
    if (authentication === 'headerAuth' && req.headers['x-token'] !== 'let-me-in')
      return reply(403, 'Authorization data is wrong!');
    const sent = await text(req);
    const body: unknown = sent === '' ? {} : JSON.parse(sent);
    const query = Object.fromEntries(url.searchParams);
    begun.push({ method: req.method ?? '', path, query, body, headers: req.headers });
    const failed = (body as { fail?: boolean }).fail === true;
    const items = [{ json: { body } }];
    executions.push({
      id: executions.length + 1,
      workflowId: workflow.id,
      finished: !failed,
      status: failed ? 'error' : 'success',
      mode: 'webhook',
      startedAt: '2026-01-02T03:04:05.000Z',
      stoppedAt: '2026-01-02T03:04:06.000Z',
      data: {
        resultData: {
          ...(failed ? { error: { message: 'The press is out of paper' } } : {}),
          lastNodeExecuted: 'Print',
          runData: { [`${node['name']}`]: [{ startTime: 1, data: { main: [items] } }] },
        },
      },
    });
    if (failed) return reply(500, { message: 'Error in workflow' });
    reply(200, { printed: body });
  }

  await listener.up();
  return {
    url: `http://127.0.0.1:${listener.port}`,
    begun,
    asked,
    stop: () => listener.down(),
  };
}

/** Pages as n8n makes them: a cursor that says nothing, and null on the last page. */
function paged<T>(all: readonly T[], query: Readonly<Record<string, string>>) {
  const limit = Number(query['limit'] ?? 100);
  const from = query['cursor'] === undefined ? 0 : Number(Buffer.from(query['cursor'], 'base64').toString());
  const next = from + limit;
  return {
    data: all.slice(from, next),
    nextCursor: next < all.length ? Buffer.from(`${next}`).toString('base64') : null,
  };
}
