/** A turn with each server written here that asks an HTTP API, through LiteLLM; the API is a stand-in. */
import { startN8n } from '../support/mcp/n8n';
import { someWorkflows } from '../support/mcp/n8n-workflows';
import { startLoki } from '../support/mcp/loki';
import { startNetdata } from '../support/mcp/netdata';
import { startOwnServer } from '../support/mcp/own-server';
import { startStack, type Stack } from '../support/stack';
import { waitUntil } from '../../scripts/src/processes';
import { takeTurn } from '../servers/turn';

const started: { stop(): Promise<void> }[] = [];
let n8n: Awaited<ReturnType<typeof startN8n>>;
let stack: Stack;

function kept<T extends { stop(): Promise<void> }>(part: T): T {
  started.push(part);
  return part;
}

beforeAll(async () => {
  const at = new Date(Date.now() - 60_000);
  const line = '{"level":"error","message":"the mill stands still"}';
  const loki = kept(await startLoki([{ at, labels: { container: 'mill' }, line }]));
  const cpu = { units: 'percentage', values: { user: [1, 2, 9] } };
  const netdata = kept(await startNetdata({ 'system.cpu': cpu }, []));
  n8n = kept(await startN8n('key', someWorkflows()));
  const monitoring = kept(
    await startOwnServer('monitoring', { LOKI_URL: loki.url, NETDATA_URL: netdata.url }),
  );
  const workflows = kept(
    await startOwnServer('n8n', { N8N_API_URL: n8n.url, N8N_API_KEY: 'key', MCP_ALLOW_WRITE: 'true' }),
  );
  stack = kept(
    await startStack({
      servers: {
        monitoring: { alias: 'logs', transport: 'http', url: monitoring.url, health_check: '/health' },
        n8n: { alias: 'wf', transport: 'http', url: workflows.url, health_check: '/health' },
      },
    }),
  );
  const ready = async (): Promise<boolean> => {
    const { parts } = (await (await fetch(`${stack.hook.url}/health/ready`)).json()) as {
      parts: Record<string, { state: string }>;
    };
    return ['logs', 'wf'].every((alias) => parts[`mcp:${alias}`]?.state === 'ready');
  };
  await waitUntil(ready, { timeoutMs: 60_000, what: 'The MCP servers' });
}, 120_000);

afterAll(async () => {
  for (const part of started.reverse()) await part.stop();
}, 60_000);

it('finds what went wrong in the logs and how the host is', async () => {
  const { answer, finish } = await takeTurn(stack, {
    rounds: [
      [
        { name: 'logs__get_recent_errors', arguments: { hours: 1 } },
        { name: 'logs__get_system_metrics', arguments: {} },
      ],
      [{ name: 'logs__check_service_health', arguments: { service_name: 'mill' } }],
    ],
  });
  expect(finish).toBe('stop');
  expect(answer).toContain('the mill stands still');
  expect(answer).toMatch(/"last": 9/);
  expect(answer).toContain('"status": "warning"');
});

it('finds a workflow, runs it, and reads how that went', async () => {
  const { answer } = await takeTurn(stack, {
    rounds: [
      [{ name: 'wf__list_workflows', arguments: { tags: ['press'] } }],
      [{ name: 'wf__execute_workflow', arguments: { workflow_id: 'a1', data: { copies: 3 } } }],
      [{ name: 'wf__list_executions', arguments: { workflow_id: 'a1' } }],
    ],
  });
  expect(n8n.begun.map(({ body }) => body)).toEqual([{ copies: 3 }]);
  expect(answer).toContain('"copies": 3');
  expect(answer).toContain('"status": "success"');
});
