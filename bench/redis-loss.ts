/**
 * What losing Redis under load does to the request path: the time from a request to its answer through hook-service,
 * with Redis there and with Redis killed, interleaved. The hooks are called as the door calls them; the model is a
 * script in this process, so that nothing else takes time.
 *
 *     npx tsc -b hook-service scripts && npx ts-node bench/redis-loss.ts [turns per phase] [phases]
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHookService } from '../scripts/src/hook-service';
import { freePort, waitUntil } from '../scripts/src/processes';
import { startRedis } from '../scripts/src/redis';
import { startHttpFixture } from '../tests/support/mcp/http-fixture';

const turns = Number(process.argv[2] ?? 1_500);
const phases = Number(process.argv[3] ?? 6);
const atOnce = 8;
const secret = 'a-secret-for-the-bench';
const headers = { 'x-toolturn-secret': secret, 'content-type': 'application/json' };

if (require.main === module) void main();

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'toolturn-redis-loss-'));
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const fixture = await startHttpFixture({
      tools: [{ name: 'echo', handler: (args) => String(args['text']) }],
    });
    stops.push(() => fixture.stop());
    const model = await startModel();
    stops.push(model.stop);
    const redisPort = await freePort();
    const redisAt = () =>
      startRedis({ dir: join(dir, 'redis'), port: redisPort, logFile: join(dir, 'redis.log') });
    let redis = await redisAt();
    stops.push(() => redis.stop());
    const configPath = join(dir, 'config.yaml');
    writeFileSync(configPath, `mcp_servers:\n  notes:\n    url: ${fixture.url}\n    transport: http\n`);
    const hook = await startHookService({
      configPath,
      port: await freePort(),
      env: {
        TOOLTURN_SECRET: secret,
        LITELLM_URL: model.url,
        REDIS_URL: redis.url,
        TOOLTURN_LOG_LEVEL: 'error',
      },
      logFile: join(dir, 'hook-service.log'),
    });
    stops.push(() => hook.stop());
    const state = async (): Promise<string> =>
      ((await (await fetch(`${hook.url}/health/ready`)).json()) as { parts: { redis: { state: string } } })
        .parts.redis.state;

    await load(hook.url, turns / 2);
    const times = { there: [] as number[], lost: [] as number[], losing: [] as number[] };
    for (let phase = 0; phase < phases; phase += 1) {
      times.there.push(...(await load(hook.url, turns)));
      // Killed while turns are under way: what is in flight then waits half a second at most.
      const losing = load(hook.url, turns / 4);
      await redis.stop();
      times.losing.push(...(await losing));
      times.lost.push(...(await load(hook.url, turns)));
      redis = await redisAt();
      await waitUntil(async () => (await state()) === 'ready', {
        timeoutMs: 30_000,
        what: 'Redis to be back',
      });
    }
    print(times);
  } finally {
    for (const stop of stops.reverse()) await stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Runs turns, some at once; gives the milliseconds of each. */
async function load(url: string, count: number): Promise<number[]> {
  const times: number[] = [];
  let left = Math.floor(count);
  const run = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const begun = performance.now();
      await turn(url);
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  return times;
}

interface Answer {
  readonly action: string;
  readonly set?: object;
  readonly turn?: object;
}

/** One turn, with the hooks that the door calls for it: armed, a round with a call, an answer. */
async function turn(url: string): Promise<void> {
  // A question of its own: equal ones at the same time are one turn.
  const content = `Echo ${randomUUID()}.`;
  const body = { model: 'demo', messages: [{ role: 'user', content }] };
  const request = {
    url: 'http://litellm/v1/chat/completions',
    headers: {},
    key: { hash: 'h', alias: 'bench' },
    body,
  };
  const post = async (path: string, content: object): Promise<Answer> => {
    const reply = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(content) });
    if (reply.status !== 200) throw new Error(`${path} answered ${reply.status}: ${await reply.text()}`);
    return (await reply.json()) as Answer;
  };
  const armed = await post('/hooks/pre-call', request);
  const answer = await post('/hooks/post-call', {
    ...request,
    body: { ...body, ...armed.set },
    turn: armed.turn,
    response: completion({ tool_calls: [call] }),
  });
  if (answer.action !== 'replace') throw new Error('The turn was not finished.');
}

const call = { id: 'call_1', type: 'function', function: { name: 'notes__echo', arguments: '{"text":"a"}' } };

function completion(message: object): object {
  const usage = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 };
  const choice = {
    index: 0,
    finish_reason: 'stop',
    message: { role: 'assistant', content: null, ...message },
  };
  return { id: 'c', object: 'chat.completion', created: 1, model: 'demo', choices: [choice], usage };
}

/** Stands in for LiteLLM: every continuation gets an answer at once. */
async function startModel(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const server = createServer((req, res) => {
    req.resume().on('end', () => {
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify(completion({ content: 'a' })));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function print(times: Readonly<Record<string, readonly number[]>>): void {
  const at = (all: readonly number[], share: number): number =>
    [...all].sort((one, other) => one - other)[Math.min(Math.floor(all.length * share), all.length - 1)] ?? 0;
  for (const [name, all] of Object.entries(times)) {
    const shown = [0.5, 0.95, 0.99, 1].map((share) => at(all, share).toFixed(2));
    console.log(
      `${name.padEnd(7)} ${all.length} turns: p50 ${shown[0]} p95 ${shown[1]} p99 ${shown[2]} longest ${shown[3]} ms`,
    );
  }
  const ratio = at(times['lost'] ?? [], 0.99) / at(times['there'] ?? [], 0.99);
  console.log(`p99 without Redis is ${ratio.toFixed(3)} of that with Redis`);
}
