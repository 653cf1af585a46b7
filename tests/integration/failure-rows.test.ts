/** Rows of the failure policy that no other test has: what a start does that cannot be, and LiteLLM away. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startHookService } from '../../scripts/src/hook-service';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { chatRequest, startLoneHook, withCalls, type LoneHook } from '../support/lone-hook';
import { secret } from '../support/stack';

let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), 'toolturn-rows-'))));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What a start that fails says, and with which code it ends. */
async function failedStart(config: object, env: Record<string, string> = {}): Promise<string> {
  const [configPath, logFile] = [join(dir, 'config.yaml'), join(dir, 'log')];
  writeFileSync(configPath, stringify(config));
  const base = { TOOLTURN_SECRET: secret, LITELLM_URL: 'http://127.0.0.1:9', REDIS_URL: '' };
  const failed = await startHookService({ configPath, env: { ...base, ...env }, logFile }).then(
    async (hook) => {
      await hook.stop();
      throw new Error('it started');
    },
    (error: Error) => error.message,
  );
  return `${failed}\n${readFileSync(logFile, 'utf8')}`;
}

it('a start with a wrong config ends with exit code 1 and every problem at its place', async () => {
  const said = await failedStart({ toolturn: { limits: { rounds: 'many' }, nonsense: 1 } });
  expect(said).toContain('ended with exit code 1');
  expect(said).toMatch(/config\.yaml:3:\d+ toolturn\.limits\.rounds/);
  expect(said).toMatch(/config\.yaml:4:\d+ toolturn\.nonsense/);
}, 60_000);

it("a start where the console's port is in use ends with exit code 1", async () => {
  const taken: Server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    const env = { TOOLTURN_CONSOLE_TOKEN: 'a-token-for-the-console' };
    const said = await failedStart({ toolturn: { console: { port } } }, env);
    expect(said).toContain('ended with exit code 1');
    expect(said).toContain(`port ${port} is in use: set toolturn.console.port to a free one`);
  } finally {
    taken.close();
  }
}, 60_000);

describe('while LiteLLM is away', () => {
  let notes: HttpFixture;
  let lone: LoneHook;

  beforeAll(async () => {
    notes = await startHttpFixture({ tools: [{ name: 'echo', handler: () => 'an echo' }] });
    // Port 9 is that of a service that throws away what it gets; nobody runs it.
    lone = await startLoneHook({
      servers: { notes: { url: notes.url, transport: 'http' } },
      upstream: 'http://127.0.0.1:9',
      env: { REDIS_URL: '' },
    });
  }, 60_000);

  afterAll(async () => {
    await lone?.stop();
    await notes?.stop();
  });

  it('the door keeps an idle connection less long than hook-service does, and never sends into one that is being closed', async () => {
    const door = readFileSync(join(__dirname, '..', '..', 'litellm', 'toolturn_guardrail.py'), 'utf8');
    const kept = Number(/keepalive_timeout=(\d+)/.exec(door)?.[1]);
    const { headers } = await fetch(`${lone.hook.url}/health/live`);
    const here = Number(/timeout=(\d+)/.exec(headers.get('keep-alive') ?? '')?.[1]);
    expect(kept).toBeGreaterThan(0);
    expect(here).toBeGreaterThan(kept);
  });

  it('A1: requests without the shared secret are counted, at every path that asks for it', async () => {
    const paths = [
      '/hooks/pre-call',
      '/hooks/post-call',
      '/hooks/stream',
      '/beta/litellm_basic_guardrail_api',
    ];
    for (const path of paths) {
      const answer = await lone.post(path, '{}', { 'x-toolturn-secret': 'a wrong one' });
      expect(answer.status).toBe(401);
    }
    const page = await fetch(`${lone.hook.url}/metrics`, { headers: { 'x-toolturn-secret': secret } });
    expect(await page.text()).toMatch(
      new RegExp(`^toolturn_hooks_refused_total(?:\\{[^}]*\\})? ${paths.length}$`, 'm'),
    );
  });

  it('a key is refused with 503', async () => {
    const answer = await fetch(`${lone.hook.url}/v1/tools`, {
      headers: { authorization: 'Bearer sk-test-x' },
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      503,
      { error: { message: 'LiteLLM could not be asked whose key this is: it is away.' } },
    ]);
    // The key may be good: the next one who comes with it asks anew.
    expect(readFileSync(lone.logFile, 'utf8')).toContain('request refused');
  });

  it('a turn ends with 502 in round two', async () => {
    const armed = await lone.armed(chatRequest());
    const response = withCalls([{ name: 'notes__echo', arguments: '{}' }]);
    const answer = await lone.post('/hooks/post-call', { ...armed, response });
    expect([answer.status, await answer.json()]).toMatchObject([
      502,
      { error: { message: 'LiteLLM could not be reached for the next round of this turn.' } },
    ]);
  }, 60_000);
});
