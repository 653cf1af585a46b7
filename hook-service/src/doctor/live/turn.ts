import { z } from 'zod';
import { estimateTokens } from '../../core/search-catalog';
import { ask } from './ask';
import type { LiveSettings } from './settings';
import { failed, noted, notChecked, passed, type Planned } from './step';

const catalog = z.object({
  data: z.array(
    z.object({
      function: z.object({
        name: z.string(),
        description: z.string(),
        parameters: z.record(z.string(), z.unknown()),
      }),
      server: z.string(),
      tool: z.string(),
    }),
  ),
});
type Tool = z.infer<typeof catalog>['data'][number];
const said = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), tool_calls: z.array(z.unknown()).nullish() }),
      }),
    )
    .min(1),
});
const errorBody = z.object({ error: z.object({ message: z.string() }) });

const longestName = 64;
const nonsense = 'toolturn_doctor_nonsense';

/** What a turn gets and what comes of it. */
export function turnSteps(settings: LiveSettings, models: readonly string[]): readonly Planned[] {
  const { hookUrl, litellmUrl, key, model, timeoutMs } = settings;
  const authorization = `Bearer ${key ?? ''}`;
  const tools: Tool[] = [];
  const chat = (body: object, headers: Record<string, string> = {}, wait = timeoutMs) =>
    ask(`${litellmUrl}/v1/chat/completions`, {
      timeoutMs: wait,
      headers: { authorization, ...headers },
      body,
    });
  return [
    {
      id: 'tools',
      title: 'Tools for your key',
      needs: ['door'],
      async run() {
        const answer = await ask(`${hookUrl}/v1/tools`, { timeoutMs, headers: { authorization } });
        const read = catalog.safeParse(answer.json).data;
        if (answer.status !== 200 || read === undefined)
          return failed(
            `/v1/tools answers ${answer.status}: ${messageOf(answer.json)}`,
            'Look at hook-service’s log.',
          );
        tools.push(...read.data);
        const servers = new Set(tools.map(({ server }) => server)).size;
        return tools.length > 0
          ? passed(
              `${tools.length} ${tools.length === 1 ? 'tool' : 'tools'} of ${servers} ${servers === 1 ? 'server' : 'servers'}`,
            )
          : noted('none', 'Look at the servers above, at toolturn.inject, and at what the key may use.');
      },
    },
    {
      id: 'names',
      title: `Names of up to ${longestName} characters`,
      level: 'warning',
      needs: ['tools'],
      async run() {
        const long = tools.filter(({ server, tool }) => `${server}__${tool}`.length > longestName);
        if (long.length === 0) return passed('all fit');
        const some = long.slice(0, 5).map(({ server, tool }) => `${server}__${tool}`);
        return noted(
          `${long.length} are longer and get a digest at their end: ${some.join(', ')}`,
          'Give the server a short alias.',
        );
      },
    },
    {
      id: 'catalog',
      title: 'Size of the catalog for your key',
      level: 'warning',
      needs: ['tools'],
      async run() {
        const tokens = tools.reduce((sum, tool) => sum + tokensOf(tool), 0);
        const above = settings.searchAboveTokens;
        const size = `about ${tokens} tokens`;
        if (above === undefined || tokens <= above) return passed(`${size} in each request`);
        return noted(
          `${size}, more than catalog.search_above_tokens (${above}): models get search_tools instead`,
          'Give keys fewer servers, or set allowed_tools, where a model should see its tools at once.',
        );
      },
    },
    {
      id: 'nonsense',
      title: 'A server that does not exist is refused',
      level: 'security',
      needs: ['door'],
      async run() {
        const some = model ?? models[0];
        if (some === undefined) return notChecked('the key may use no model');
        const question = { model: some, max_tokens: 1, messages: [{ role: 'user', content: 'Hello' }] };
        const { status, text } = await chat(question, { 'x-mcp-servers': nonsense });
        if (status === 400 && text.includes(nonsense))
          return passed(`x-mcp-servers: ${nonsense} answers 400`);
        return failed(
          `x-mcp-servers: ${nonsense} answers ${status} (K9)`,
          'Load the door with default_on: true: LiteLLM alone takes a wrong name for all servers.',
        );
      },
    },
    {
      id: 'turn',
      title: 'A turn',
      needs: ['door'],
      async run() {
        if (model === undefined) return notChecked('name a model with --model, and it is asked one question');
        const content =
          'This is a test of the connection. If you have tools, call one that only reads or lists something harmless; then answer in one sentence.';
        const answer = await chat({ model, messages: [{ role: 'user', content }] }, {}, settings.turnMs);
        const state = answer.headers.get('x-toolturn');
        if (state === 'unavailable')
          return failed(
            'the door could not reach hook-service: the answer came without tools',
            'Set TOOLTURN_URL and TOOLTURN_SECRET of LiteLLM right.',
          );
        if (answer.status !== 200)
          return failed(
            `LiteLLM answers ${answer.status}: ${messageOf(answer.json)}`,
            'Where it speaks of tools, the model has none: toolturn.inject.models can leave it out. Else look at its api_key and name.',
          );
        const [choice] = said.safeParse(answer.json).data?.choices ?? [];
        if (choice?.finish_reason === 'tool_calls' || (choice?.message.tool_calls ?? []).length > 0)
          return failed(
            'the answer ends with tool_calls: nobody ran them (K12)',
            'Load the door with mode: [pre_call, post_call].',
          );
        if (!choice?.message.content) return failed('the answer is empty', 'Look at the model’s own log.');
        const rounds = answer.headers.get('x-toolturn-rounds');
        const calls = answer.headers.get('x-toolturn-calls');
        return passed(
          rounds === null
            ? 'answered; the request got no tools'
            : `answered after ${rounds} ${rounds === '1' ? 'round' : 'rounds'} with ${calls ?? '0'} ${calls === '1' ? 'call' : 'calls'}`,
        );
      },
    },
  ];
}

function tokensOf({ function: { name, description, parameters }, server, tool }: Tool): number {
  return estimateTokens({ name, host: { server, tool, description, inputSchema: parameters as never } });
}

/** LiteLLM's and our own message of an error, one line of it. */
function messageOf(json: unknown): string {
  return (
    (errorBody.safeParse(json).data?.error.message ?? 'not as LiteLLM does')
      .split('\n', 1)[0]
      ?.slice(0, 200) ?? ''
  );
}
