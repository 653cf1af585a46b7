import { z } from 'zod';
import type { HttpApi } from '../../kit/src/http';
import { ToolFailure } from '../../kit/src/tool';

/** Answers of n8n's public API v1, as far as they are needed (https://docs.n8n.io/api/). Ids were numbers once. */
const id = z.union([z.string(), z.number()]).transform(String);
const node = z.object({
  name: z.string(),
  type: z.string(),
  disabled: z.boolean().optional(),
  notes: z.string().nullish(),
  webhookId: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()).default({}),
});
const workflow = z.object({
  id,
  name: z.string(),
  active: z.boolean(),
  createdAt: z.string().optional(),
  updatedAt: z.string().optional(),
  tags: z.array(z.object({ name: z.string() })).nullish(),
  nodes: z.array(node).default([]),
  connections: z.record(z.string(), z.unknown()).default({}),
});
const execution = z.object({
  id,
  workflowId: id.nullish(),
  status: z.string().optional(),
  finished: z.boolean().optional(),
  mode: z.string().optional(),
  startedAt: z.string().nullish(),
  stoppedAt: z.string().nullish(),
  data: z.unknown().optional(),
});
const page = <T extends z.ZodType>(item: T) =>
  z.object({ data: z.array(item), nextCursor: z.string().nullish() });

export type Workflow = z.output<typeof workflow>;
export type Node = z.output<typeof node>;
export type Execution = z.output<typeof execution>;
export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** n8n's public API, under one key. */
export class N8n {
  constructor(private readonly api: HttpApi) {}

  async workflows(query: Query, signal: AbortSignal): Promise<Page<Workflow>> {
    return pageOf(await this.ask('GET', '/workflows', page(workflow), signal, query));
  }

  workflow(workflowId: string, signal: AbortSignal): Promise<Workflow> {
    return this.ask('GET', `/workflows/${encodeURIComponent(workflowId)}`, workflow, signal);
  }

  /** Switches a workflow on or off; gives it as it is then. */
  switch(workflowId: string, on: boolean, signal: AbortSignal): Promise<Workflow> {
    const path = `/workflows/${encodeURIComponent(workflowId)}/${on ? 'activate' : 'deactivate'}`;
    return this.ask('POST', path, workflow, signal);
  }

  async executions(query: Query, signal: AbortSignal): Promise<Page<Execution>> {
    return pageOf(await this.ask('GET', '/executions', page(execution), signal, query));
  }

  execution(executionId: string, includeData: boolean, signal: AbortSignal): Promise<Execution> {
    const path = `/executions/${encodeURIComponent(executionId)}`;
    return this.ask('GET', path, execution, signal, { includeData });
  }

  private async ask<T extends z.ZodType>(
    method: string,
    path: string,
    form: T,
    signal: AbortSignal,
    query: Query = {},
  ): Promise<z.output<T>> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const answer = await this.api.json(method, `/api/v1${path}`, {
      query: Object.fromEntries(given) as Record<string, string | number | boolean>,
      signal,
    });
    const parsed = form.safeParse(answer);
    if (!parsed.success) throw new ToolFailure('n8n answered in a form that is not known.');
    return parsed.data;
  }
}

function pageOf<T>({
  data,
  nextCursor,
}: {
  data: readonly T[];
  nextCursor?: string | null | undefined;
}): Page<T> {
  return typeof nextCursor === 'string' ? { items: data, nextCursor } : { items: data };
}
