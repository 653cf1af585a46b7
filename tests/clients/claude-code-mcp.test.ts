/**
 * Claude Code as an MCP client of `toolturn mcp`, with its models from somewhere else: it starts the command as docs/mcp-clients.md
 * says, lists the tools behind LiteLLM, and calls one under its key.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/src/processes';
import { toolturn, root } from '../support/bridge';
import type { HttpFixture } from '../support/mcp/http-fixture';
import { documentedPassThrough } from '../support/pass-through';
import { startStack, type Stack } from '../support/stack';
import { clients, environment, installed, isAskedFor } from './client';
import { questions, startProvider, type Provider } from './provider';
import { run } from './run';
import { models, programs } from './settings';
import { startTap, type Tap } from './tap';
import { startVault } from './vault';

const claude = clients().find(({ id }) => id === 'claude-code');
const settings = programs.find(({ id }) => id === 'claude-code');
const left = isAskedFor('claude-code') ? claude?.missing : 'it is not asked for';
const key = 'sk-test-alice';

let provider: Provider;
let fixture: HttpFixture;
let stack: Stack;
let tap: Tap;
let home: string;

beforeAll(async () => {
  if (left !== undefined) return;
  home = mkdtempSync(join(tmpdir(), 'toolturn-claude-'));
  provider = await startProvider();
  fixture = await startVault(() => 'The word is heron. The proof is moth.');
  const hookPort = await freePort();
  stack = await startStack({
    servers: { vault: { url: fixture.url, transport: 'http' } },
    hookPort,
    general: { pass_through_endpoints: documentedPassThrough(hookPort) },
  });
  // Between Claude Code and its provider; all else on the internet is refused there.
  tap = await startTap(provider.url.replace(/\/v1$/, ''));
}, 240_000);

afterAll(async () => {
  await tap?.stop();
  await stack?.stop();
  await fixture?.stop();
  await provider?.stop();
  if (home !== undefined) rmSync(home, { recursive: true, force: true, maxRetries: 5 });
});

/** The line of the document that adds the server, as a person would fill it in. */
function documented(): string[] {
  const page = readFileSync(join(root, 'docs', 'mcp-clients.md'), 'utf8');
  const line = /^claude mcp add .*$/m.exec(page)?.[0] ?? '';
  return line
    .replace('http://192.168.1.5:4000', stack.url)
    .replace('sk-...', key)
    .split(' ')
    .flatMap((word) => (word === 'toolturn' ? [process.execPath, toolturn] : [word]));
}

(left === undefined ? it : it.skip)(
  `Claude Code lists and calls the tools behind LiteLLM through toolturn mcp${left === undefined ? '' : `: left out, ${left}`}`,
  async () => {
    const work = join(home, 'work');
    mkdirSync(work);
    const claudeCode = async (...args: string[]) => {
      const finished = await run([join(installed, 'node_modules', '.bin', 'claude'), ...args], {
        cwd: work,
        env: {
          ...environment({ home, url: tap.url }),
          ...settings?.quiet.env,
          ANTHROPIC_BASE_URL: tap.url,
          // The first request waits for the server, and has its tools whole.
          MCP_CONNECTION_NONBLOCKING: 'false',
          ENABLE_TOOL_SEARCH: 'false',
          CLAUDE_CODE_MCP_STARTUP_WAIT_MS: '60000',
          ANTHROPIC_AUTH_TOKEN: 'none',
          ANTHROPIC_MODEL: models.messages,
          ANTHROPIC_DEFAULT_HAIKU_MODEL: models.messages,
        },
        timeoutMs: 120_000,
      });
      expect(finished).toMatchObject({ code: 0 });
      return finished.stdout;
    };
    const [, ...add] = documented();
    await claudeCode(...add);
    expect(await claudeCode('mcp', 'list')).toMatch(/lan: .*mcp.* Connected/);

    const tool = 'mcp__lan__vault__secret_word';
    const printed = await claudeCode(
      '-p',
      questions.word,
      '--allowedTools',
      tool,
      ...(settings?.quiet.args ?? []),
    );
    expect(settings?.answerIn(printed)).toBe('The secret word is heron.');
    expect(provider.seen.find(({ question }) => question === 'word')?.tools).toContain(tool);
    expect(provider.problems).toEqual([]);
    expect(fixture.calls).toHaveLength(1);
    expect(stack.keys()).toContain(key);
    // No model was asked through LiteLLM.
    expect(stack.logged().filter(({ total_tokens }) => total_tokens > 0)).toEqual([]);
    expect(tap.refused).toEqual([]);
  },
  300_000,
);
