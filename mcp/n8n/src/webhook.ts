import { ToolFailure } from '../../kit/src/tool';
import type { Node, Workflow } from './n8n';

const webhookType = 'n8n-nodes-base.webhook';

/** How a workflow is begun from outside. */
export interface Webhook {
  readonly node: string;
  readonly method: string;
  /** Behind `/webhook/`, each part encoded. */
  readonly path: string;
  /** Whether the caller has to show who it is. */
  readonly authentication: string;
}

/** Nodes by which a workflow begins. */
export function triggersOf({ nodes }: Workflow): readonly Node[] {
  return nodes.filter(
    ({ type, disabled }) => disabled !== true && (type === webhookType || /trigger$/i.test(type)),
  );
}

/**
 * The webhook that begins a workflow: the only one, or that of the named node. Throws `ToolFailure` where there is none
 * that can be called: n8n's public API cannot run a workflow in another way.
 */
export function webhookOf(
  workflow: Workflow,
  named: string | undefined,
  method: string | undefined,
): Webhook {
  const all = triggersOf(workflow).filter(({ type }) => type === webhookType);
  const chosen = named === undefined ? all : all.filter(({ name }) => name === named);
  const [node] = chosen;
  const about = `The workflow ${JSON.stringify(workflow.name)}`;
  if (node === undefined) {
    const others = triggersOf(workflow).map(({ name, type }) => `${name} (${type})`);
    throw new ToolFailure(
      all.length > 0
        ? `${about} has no webhook ${JSON.stringify(named)}. It has: ${all.map(({ name }) => name).join(', ')}.`
        : `${about} has no Webhook node, and can be run from outside by nothing else. It begins with: ${others.join(', ') || 'nothing'}.`,
    );
  }
  if (chosen.length > 1) {
    throw new ToolFailure(
      `${about} has several webhooks: name one of ${all.map(({ name }) => name).join(', ')} as "webhook".`,
    );
  }
  if (!workflow.active) throw new ToolFailure(`${about} is not active, so its webhook does not listen.`);
  return {
    node: node.name,
    method: methodOf(node, method),
    path: pathOf(node),
    authentication: textOf(node.parameters['authentication']) ?? 'none',
  };
}

function methodOf({ name, parameters }: Node, wanted: string | undefined): string {
  const given = parameters['httpMethod'];
  const methods = (Array.isArray(given) ? given : [given ?? 'GET']).filter(
    (each): each is string => typeof each === 'string',
  );
  if (wanted !== undefined && !methods.includes(wanted))
    throw new ToolFailure(`The webhook ${name} takes ${methods.join(', ')} and not ${wanted}.`);
  return wanted ?? methods.find((each) => each === 'POST') ?? methods[0] ?? 'GET';
}

/** The path is data of the workflow: it must not lead out of `/webhook/`. */
function pathOf({ name, parameters, webhookId }: Node): string {
  const parts = (textOf(parameters['path']) ?? webhookId ?? '').split('/').filter((part) => part !== '');
  if (parts.length === 0) throw new ToolFailure(`The webhook ${name} has no path.`);
  if (parts.some((part) => part === '.' || part === '..' || part.startsWith(':')))
    throw new ToolFailure(`The webhook ${name} has a path with parameters, which cannot be called here.`);
  return parts.map(encodeURIComponent).join('/');
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
