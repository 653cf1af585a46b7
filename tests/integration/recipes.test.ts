/** The templates of docs/recipes: each is started as its page says, and used in a turn through LiteLLM. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { minimalEnv } from '../../scripts/src/environment';
import { freePort, startProcess, waitUntil, type RunningProcess } from '../../scripts/src/processes';
import { startBridge, root } from '../support/bridge';
import { startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

const folder = join(root, 'docs', 'recipes');
const page = readFileSync(join(folder, 'README.md'), 'utf8');
const started: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const part of started.splice(0).reverse()) await part.stop();
});

/** The entry of a recipe, at another port and with whole paths, since tests start elsewhere. */
function entry(file: string, port?: number): Record<string, object> {
  const text = readFileSync(join(folder, file), 'utf8')
    .replace(/:480\d\d\//, `:${port}/`)
    .replaceAll('docs/recipes/', `${folder}/`);
  return (parse(text) as { mcp_servers: Record<string, object> }).mcp_servers;
}

async function takeTurn(servers: Record<string, object>): Promise<void> {
  const stack: Stack = await startStack({ servers });
  started.push(stack);
  await waitUntil(async () => /"mcp:word":\{"state":"ready"/.test(await health(stack)), {
    timeoutMs: 60_000,
    what: 'the server is ready',
  });
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { text: 'Let me ask.', toolCalls: [{ name: 'word__say_word', arguments: {} }] }
      : { text: `It says: ${lastResults(request)[0]}` },
  );
  const answer = await stack.client().chat.completions.create({
    model: 'demo',
    messages: [{ role: 'user', content: 'What is the word of the day?' }],
  });
  expect(toolNames(stack.model.requests[0])).toEqual(['word__say_word']);
  expect(answer.choices[0]?.message.content).toContain('The word of the day is heron.');
}

const health = async (stack: Stack): Promise<string> =>
  (await fetch(`${stack.hook.url}/health/ready`, { signal: AbortSignal.timeout(5_000) })).text();

describe('the recipe', () => {
  it('for stdio starts, and its tool is used in a turn', async () => {
    expect(page).toContain('node docs/recipes/word-server.mjs');
    await takeTurn(entry('stdio.yaml'));
  }, 120_000);

  it('for streamable HTTP starts, and its tool is used in a turn', async () => {
    expect(page).toContain('node docs/recipes/word-server-http.mjs');
    const port = await freePort();
    const server: RunningProcess = await startProcess({
      name: 'The recipe',
      command: process.execPath,
      args: [join(folder, 'word-server-http.mjs')],
      env: minimalEnv({ PORT: `${port}` }),
    });
    started.push(server);
    await waitUntil(
      () =>
        fetch(`http://127.0.0.1:${port}/health`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { timeoutMs: 30_000, what: 'the recipe listens' },
    );
    await takeTurn(entry('http.yaml', port));
  }, 120_000);

  it('for SSE starts behind the bridge, and its tool is used in a turn', async () => {
    expect(page).toContain('bridge --port 48032 -- node docs/recipes/word-server.mjs');
    const bridge = await startBridge([], ['node', join(folder, 'word-server.mjs')]);
    started.push(bridge);
    await takeTurn(entry('sse.yaml', bridge.port));
  }, 120_000);
});
