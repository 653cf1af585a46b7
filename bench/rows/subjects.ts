/** Those who are compared, by the names that stand in the tables. */
import type { Subject } from '../load/job';
import type { Context } from './row';

export const names = {
  ours: 'Toolturn',
  oursNew: 'Toolturn, a conversation that it has not seen',
  leanOurs: 'Toolturn, asked without libraries',
  bare: 'LiteLLM alone, tools from the client',
  toolless: 'LiteLLM alone, no tools',
  loop: 'client-side loop',
  lean: 'client-side loop without libraries',
  serial: 'client-side loop, one call after the other',
  newest: 'newest LiteLLM with its own MCP',
} as const;

/** Where the requests go and what they hold beside the question. */
interface Form {
  readonly kind: string;
  readonly talk?: NonNullable<Subject['talk']>;
  readonly stream?: boolean;
  readonly history?: readonly object[];
  /** `sdk`: with the official clients; `lean`, or absent: without libraries. */
  readonly client?: 'sdk' | 'lean';
}

function asked({ client, ...form }: Form): Omit<Form, 'client'> & Pick<Subject, 'client'> {
  return client === 'sdk' ? { ...form, client } : form;
}

/** A request through LiteLLM with the door. */
export async function ours({ lab }: Context, form: Form): Promise<Subject> {
  const { proxy } = await lab.usual();
  const name = form.client === 'lean' ? names.leanOurs : names.ours;
  return { name, driver: 'chat', urls: [proxy.url], key: lab.key, ...asked(form) };
}

/** The same request through the same LiteLLM without the door; the client attaches the tools that Toolturn offers. */
export async function bare(context: Context, form: Form): Promise<Subject> {
  return { ...(await toolless(context, form)), name: names.bare, tools: await offeredTools(context) };
}

/** The same without any tools. */
export async function toolless({ lab }: Context, form: Form): Promise<Subject> {
  const { url } = await lab.bare();
  return { name: names.toolless, driver: 'chat', urls: [url], key: lab.key, ...asked(form) };
}

/** A client that has the tools and runs them itself, over a session that is open. */
export async function loop(
  context: Context,
  form: Form,
  mcp: { readonly parallel?: boolean; readonly name?: string } = {},
): Promise<Subject> {
  const { parallel = true, name = form.client === 'lean' ? names.lean : names.loop } = mcp;
  return {
    ...(await bare(context, { ...form, client: form.client ?? 'sdk' })),
    name,
    driver: 'loop',
    mcp: { url: context.lab.toolsUrl(), parallel },
  };
}

/** The newest LiteLLM, which runs the tools itself; none where it is not installed. */
export async function newest({ lab }: Context, form: Form): Promise<Subject[]> {
  const proxy = await lab.newest();
  if (proxy === undefined) return [];
  const tools = [
    {
      type: 'mcp',
      server_label: 'litellm',
      server_url: 'litellm_proxy/mcp/bench',
      require_approval: 'never',
    },
  ];
  return [{ name: names.newest, driver: 'chat', urls: [proxy.url], key: lab.key, tools, ...asked(form) }];
}

/** The definitions that Toolturn offers, as it offers them. */
async function offeredTools({ lab }: Context): Promise<readonly object[]> {
  const { hooks } = await lab.usual();
  const answer = await fetch(`${hooks[0]?.url}/hooks/pre-call`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-toolturn-secret': lab.secret },
    body: JSON.stringify({
      url: 'http://litellm/v1/chat/completions',
      headers: {},
      key: { hash: 'hash-of-bench' },
      body: { model: 'bench', messages: [{ role: 'user', content: 'Which tools are there?' }] },
    }),
  });
  const { set } = (await answer.json()) as { set?: { tools?: readonly object[] } };
  if (set?.tools === undefined) throw new Error('hook-service offers no tools.');
  return set.tools;
}
