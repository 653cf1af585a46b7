/** What `./scripts/up` tells: the parts that run, what happened in a turn, and what to try next. */
import { relative } from 'node:path';
import type { TurnReport } from './demonstration';
import { works } from './readiness';
import type { Stack } from './stack';

/** The environment variable with a provider's key, and the sample's model that uses it. */
export const providers = [
  { variable: 'OPENAI_API_KEY', model: 'gpt' },
  { variable: 'ANTHROPIC_API_KEY', model: 'claude' },
  { variable: 'GEMINI_API_KEY', model: 'gemini' },
] as const;

/** One line per part with its address and how it is. */
export function statusLines(stack: Stack): string[] {
  const { litellm, hookService, parts } = stack;
  const rows: [string, string, string][] = [
    [`LiteLLM ${litellm.version}`, litellm.url, 'ready'],
    ['hook-service', hookService.url, 'ready'],
    ['Redis', stack.urls.redis ?? '', stateOf(parts.redis)],
    ...(stack.urls.demo_model
      ? [['demo model', stack.urls.demo_model, 'ready'] as [string, string, string]]
      : []),
    ...Object.entries(parts).flatMap(([name, part]): [string, string, string][] =>
      name.startsWith('mcp:') ? [[`MCP ${name.slice(4)}`, toolsOf(part.tools), stateOf(part)]] : [],
    ),
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column as 0 | 1].length)));
  return rows.map(
    ([name, place, state]) => `  ${name.padEnd(widths[0] ?? 0)}  ${place.padEnd(widths[1] ?? 0)}  ${state}`,
  );
}

/** What happened in a turn, in one or more lines. */
export function turnLines(report: TurnReport): string[] {
  const first =
    report.firstTextMs === undefined ? '' : `, first text after ${Math.round(report.firstTextMs)} ms`;
  const total = `${Math.round(report.ms)} ms in all${first}`;
  if (report.record === undefined) return [`  ${total} (hook-service remembers no turn with tool calls)`];
  const { rounds, calls } = report.record;
  return [
    `  ${plural(rounds, 'round')}, ${plural(calls.length, 'call')}, ${total}`,
    ...calls.map((call) => {
      const name =
        call.server === undefined || call.tool.includes('__') ? call.tool : `${call.server}__${call.tool}`;
      const time = call.ms === undefined ? '' : ` in ${Math.round(call.ms)} ms`;
      return `  ran ${name}${time}${call.failure === undefined ? '' : `: ${call.failure}`}`;
    }),
  ];
}

/** The line to copy: asks the same question again. The key is read from its file and never shown. */
export function curlLine(options: { url: string; model: string; question: string; key: string }): string {
  const body = JSON.stringify({
    model: options.model,
    stream: true,
    messages: [{ role: 'user', content: options.question }],
  });
  return [
    `curl -N ${options.url}/v1/chat/completions -H "Authorization: Bearer ${options.key}" \\`,
    `  -H 'Content-Type: application/json' -d ${shellQuote(body)}`,
  ].join('\n');
}

/** A shell expression that yields the master key: the shell's own variable, else the line of the file that has it. */
export function keyExpression(file: string | undefined): string {
  return file === undefined
    ? '$LITELLM_MASTER_KEY'
    : `$(sed -n 's/^LITELLM_MASTER_KEY=//p' ${shellQuote(file)})`;
}

/** How to go on with a real model. */
export function providerLines(): string[] {
  const [first] = providers;
  return [
    'To use a real model, set its key and start again; the demonstration then asks that model:',
    ...providers.map(({ variable, model }) => `  ${variable.padEnd(18)} model "${model}"`),
    `  for example: ${first.variable}=sk-... ./scripts/up`,
    'Models and MCP servers stand in litellm/config.yaml; ./scripts/up --config FILE starts a config of your own.',
  ];
}

/** A path as seen from the current folder, when that is shorter. */
export function shortPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near !== '' && !near.startsWith('..') ? near : path;
}

function stateOf(part: Stack['parts'][string] | undefined): string {
  if (part === undefined) return 'unknown';
  if (works(part) || part.reason === undefined) return part.state;
  return `${part.state}: ${part.reason}`;
}

function toolsOf(tools: number | undefined): string {
  return tools === undefined ? '' : plural(tools, 'tool');
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
