/**
 * How each client is set up: for programs what `toolturn clients` prints. The tests run exactly this, and
 * docs/clients/tested.md is rendered from it (render-docs.ts).
 * `$LITELLM_URL`, `$LITELLM_KEY` and `$PROMPT` stand for what differs from place to place.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { claudeCode, codex, geminiCli } from '../../hook-service/src/cli/client-setups/programs';
import type { ClientSetup } from '../../hook-service/src/cli/client-setups';

/** The API forms, and the model each is asked for here. LiteLLM's `model_list` holds one entry for each. */
export const models = {
  chat: 'demo',
  messages: 'claude-sonnet-4-5',
  responses: 'gpt-5',
  generateContent: 'gemini-2.5-flash',
} as const;

export type Dialect = keyof typeof models;

export const dialectNames: Readonly<Record<Dialect, string>> = {
  chat: 'Chat completions',
  messages: 'Messages',
  responses: 'Responses',
  generateContent: 'generateContent',
};

/** A program with tools of its own. */
export interface ProgramSettings {
  /** Names the client in `scripts/test-clients <id>`. */
  readonly id: string;
  readonly title: string;
  readonly package: string;
  readonly dialect: Dialect;
  /** What leads it to LiteLLM. */
  readonly env: Readonly<Record<string, string>>;
  /** Files below HOME, as they are. */
  readonly files: Readonly<Record<string, string>>;
  /** One question; and one more in the same conversation. The first word is the program. */
  readonly ask: readonly string[];
  readonly goOn: readonly string[];
  /** What keeps it to itself in tests: no update, no telemetry, nothing asked. */
  readonly quiet: {
    readonly env: Readonly<Record<string, string>>;
    readonly args: readonly string[];
    readonly files: Readonly<Record<string, string>>;
  };
  /** The last answer in what it prints. */
  answerIn(stdout: string): string;
  /** Its own tool that reads a file, and how it wants to be called. */
  readonly reader: { readonly tool: string; arguments(path: string): object };
  /** Which requests the client's own features need beside these settings, and what differs from LiteLLM alone. */
  readonly notes: readonly string[];
}

/** A library: what an application writes stands in `apps/`, between `// settings` and `// end`. */
export interface LibrarySettings {
  readonly id: string;
  readonly title: string;
  readonly language: 'node' | 'python';
  /** The packages whose versions count, the library itself first. */
  readonly packages: readonly string[];
  readonly app: string;
  readonly variants: readonly LibraryVariant[];
  readonly notes: readonly string[];
}

export interface LibraryVariant {
  /** Passed to the app, and its name in the table. */
  readonly name: string;
  readonly dialect: Dialect;
  readonly package?: string;
}

export const programs: readonly ProgramSettings[] = [
  {
    ...printedFor(claudeCode, models.messages),
    package: '@anthropic-ai/claude-code',
    dialect: 'messages',
    quiet: {
      env: {
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
        DISABLE_TELEMETRY: '1',
        DISABLE_ERROR_REPORTING: '1',
      },
      args: ['--output-format', 'stream-json', '--verbose'],
      files: {},
    },
    answerIn: (stdout) => String(printed(stdout).findLast((line) => line['type'] === 'result')?.['result']),
    reader: { tool: 'Read', arguments: (path) => ({ file_path: path }) },
  },
  {
    ...printedFor(codex, models.responses),
    package: '@openai/codex',
    dialect: 'responses',
    quiet: {
      env: {},
      args: [
        '--skip-git-repo-check',
        '--dangerously-bypass-approvals-and-sandbox',
        '--json',
        ...[
          'check_for_update_on_startup=false',
          'analytics.enabled=false',
          'features.plugins=false',
          'features.apps=false',
        ].flatMap((setting) => ['-c', setting]),
      ],
      files: {},
    },
    answerIn: (stdout) =>
      String(printed(stdout).findLast((line) => line['item']?.type === 'agent_message')?.['item'].text),
    reader: { tool: 'exec_command', arguments: (path) => ({ cmd: `cat ${path}` }) },
  },
  {
    ...printedFor(geminiCli, models.generateContent),
    package: '@google/gemini-cli',
    dialect: 'generateContent',
    quiet: {
      env: { GEMINI_TELEMETRY_ENABLED: 'false', GEMINI_CLI_NO_RELAUNCH: 'true' },
      args: ['--skip-trust', '--output-format', 'stream-json'],
      files: {
        '.gemini/settings.json': `${JSON.stringify(
          {
            general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
            privacy: { usageStatisticsEnabled: false },
            security: { auth: { selectedType: 'gemini-api-key' } },
            telemetry: { enabled: false },
          },
          null,
          2,
        )}\n`,
      },
    },
    answerIn: (stdout) =>
      printed(stdout)
        .map((line) =>
          line['type'] === 'message' && line['role'] === 'assistant' ? String(line['content']) : '',
        )
        .join(''),
    reader: { tool: 'read_file', arguments: (path) => ({ file_path: path }) },
  },
];

export const libraries: readonly LibrarySettings[] = [
  {
    id: 'openai-node',
    title: 'openai-node',
    language: 'node',
    packages: ['openai'],
    app: 'openai-node.mjs',
    variants: [
      { name: 'chat', dialect: 'chat' },
      { name: 'responses', dialect: 'responses' },
      { name: 'responses, previous_response_id', dialect: 'responses' },
    ],
    notes: [],
  },
  {
    id: 'openai-python',
    title: 'openai-python',
    language: 'python',
    packages: ['openai'],
    app: 'openai_python.py',
    variants: [
      { name: 'chat', dialect: 'chat' },
      { name: 'responses', dialect: 'responses' },
    ],
    notes: [],
  },
  {
    id: 'vercel-ai',
    title: 'Vercel AI SDK',
    language: 'node',
    packages: ['ai'],
    app: 'vercel-ai.mjs',
    variants: [
      { name: 'openai-compatible', dialect: 'chat', package: '@ai-sdk/openai-compatible' },
      { name: 'anthropic', dialect: 'messages', package: '@ai-sdk/anthropic' },
      { name: 'google', dialect: 'generateContent', package: '@ai-sdk/google' },
      { name: 'openai', dialect: 'responses', package: '@ai-sdk/openai' },
    ],
    notes: [
      '`@ai-sdk/openai` sends ids in place of what was said before, so the model behind LiteLLM has to keep its responses (OpenAI does).',
    ],
  },
  {
    id: 'langchain-js',
    title: 'LangChain JS',
    language: 'node',
    packages: ['langchain', '@langchain/openai'],
    app: 'langchain-js.mjs',
    variants: [
      { name: 'chat', dialect: 'chat' },
      { name: 'responses', dialect: 'responses' },
    ],
    notes: [],
  },
  {
    id: 'langchain-python',
    title: 'LangChain Python',
    language: 'python',
    packages: ['langchain', 'langchain-openai'],
    app: 'langchain_python.py',
    variants: [
      { name: 'chat', dialect: 'chat' },
      { name: 'responses', dialect: 'responses' },
    ],
    notes: [],
  },
];

/** What `toolturn clients` prints for a program, with names in place of what differs from place to place. */
function printedFor(
  { id, title, notes, setup }: ClientSetup,
  model: string,
): Pick<ProgramSettings, 'id' | 'title' | 'notes' | 'env' | 'files' | 'ask' | 'goOn'> {
  const place = { url: '$LITELLM_URL', key: '$LITELLM_KEY', model };
  const { env = {}, files = {}, ask = [], goOn = [] } = setup(place);
  return { id, title, notes, env, files, ask, goOn };
}

/** The JSON lines that a program prints; anything else between them is left out. */
function printed(stdout: string): Record<string, any>[] {
  return stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
}

/** What stands between the marks of an app. */
export function excerptOf(app: string): string {
  const text = readFileSync(join(__dirname, 'apps', app), 'utf8');
  const found = /^(?:\/\/|#) settings\n([^]*?)^(?:\/\/|#) end$/m.exec(text)?.[1];
  if (found === undefined) throw new Error(`${app} has no lines between "settings" and "end".`);
  return found.trim();
}
