import type { KeptWorkflow } from './n8n';

const webhook = (name: string, parameters: object) => ({
  name,
  type: 'n8n-nodes-base.webhook',
  webhookId: `hook-${name}`,
  parameters,
});

/** Workflows for the stand-in; fresh ones at each call, because they are switched. */
export const someWorkflows = (): KeptWorkflow[] => [
  {
    id: 'a1',
    name: 'Print the paper',
    active: true,
    tags: [{ id: '1', name: 'press' }],
    nodes: [
      webhook('Order', { httpMethod: 'POST', path: 'print/now', responseMode: 'lastNode' }),
      { name: 'Print', type: 'n8n-nodes-base.set', parameters: { value: 'canary-parameter' } },
    ],
    connections: { Order: { main: [[{ node: 'Print', type: 'main', index: 0 }]] } },
  },
  {
    id: 'b2',
    name: 'Every morning',
    active: true,
    nodes: [{ name: 'Clock', type: 'n8n-nodes-base.scheduleTrigger', parameters: {} }],
  },
  {
    id: 'c3',
    name: 'Asleep',
    active: false,
    nodes: [webhook('Wake', { path: 'wake' })],
  },
  {
    id: 'd4',
    name: 'Locked',
    active: true,
    nodes: [webhook('Door', { path: 'door', authentication: 'headerAuth' })],
  },
  {
    id: 'e5',
    name: 'Odd paths',
    active: true,
    nodes: [
      webhook('Out', { path: '../api/v1/workflows' }),
      webhook('One', { path: 'users/:id' }),
      webhook('Off', { path: 'off', httpMethod: ['GET', 'PUT'] }),
    ],
  },
];
