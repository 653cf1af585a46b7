import { Option, type Command } from 'commander';
import { z } from 'zod';
import { ToolturnError } from '../core/errors';
import { clientSetups, type ClientSetup, type Setup } from './client-setups';

/** What the command is told; a missing key is printed as `placeholderKey`. */
export interface ClientsOptions {
  readonly url: string;
  readonly key?: string;
  readonly client?: string;
  readonly model?: string;
  readonly json?: boolean;
}

/** Stands in a snippet where no key was given. */
export const placeholderKey = 'sk-YOUR-KEY';

// Snippets are shell, JSON, TOML and program text: what is put into them must not end a string in any of these.
const schema = z.object({
  url: z
    .string()
    .refine((url) => URL.canParse(url) && /^https?:\/\/[\w.:[\]/~-]+$/.test(url), {
      error: '--url must be an address such as http://192.168.1.20:4000',
    })
    // Clients add paths of their own; `/v1` belongs to some of them only.
    .transform((url) => url.replace(/\/+$/, '').replace(/\/v1$/, '')),
  key: z
    .string()
    .regex(/^[\w.~+/=:-]+$/, { error: '--key may hold letters, digits and . _ ~ + / = : - only' })
    .default(placeholderKey),
  model: z
    .string()
    .regex(/^[\w./:@+-]+$/, { error: '--model may hold letters, digits and . _ / : @ + - only' })
    .optional(),
  client: z.string().optional(),
});

/** One client as it is printed; in JSON as it is. */
interface Snippet extends Setup, Pick<ClientSetup, 'id' | 'title' | 'api' | 'model' | 'notes'> {}

/** What the command prints: the snippets, and a warning for stderr where the master key was given. */
export function renderClients(
  options: ClientsOptions,
  env: Readonly<Record<string, string | undefined>> = {},
): { readonly output: string; readonly warning?: string } {
  const parsed = schema.safeParse(options);
  if (!parsed.success)
    throw new ToolturnError('config_invalid', parsed.error.issues.map(({ message }) => message).join('\n'));
  const { url, key, model, client } = parsed.data;
  const chosen = clientSetups.filter(({ id }) => client === undefined || id === client);
  if (chosen.length === 0) {
    const known = clientSetups.map(({ id }) => id).join(', ');
    throw new ToolturnError('config_invalid', `There is no client ${String(client)}; there are ${known}.`);
  }
  const snippets = chosen.map(({ setup, ...about }): Snippet => {
    const named = model ?? about.model;
    return { ...about, model: named, ...setup({ url, key, model: named }) };
  });
  const output =
    options.json === true
      ? `${JSON.stringify(snippets, null, 2)}\n`
      : `${snippets.map(asText).join('\n').trimEnd()}\n`;
  return key === env['LITELLM_MASTER_KEY']
    ? {
        output,
        warning:
          'This is LiteLLM’s master key: whoever has it may change everything in LiteLLM. Give each client a key of its own (POST /key/generate).',
      }
    : { output };
}

/** One client as Markdown, so that blocks can be copied as they are. */
function asText({ title, api, env, files, ask, goOn, code, notes }: Snippet): string {
  const shell = [
    ...Object.entries(env ?? {}).map(([name, value]) => `export ${name}=${value}`),
    ...[ask, goOn].flatMap((words) => (words === undefined ? [] : commandLine(words))),
  ];
  return [
    `## ${title} (${api})`,
    '',
    ...Object.entries(files ?? {}).flatMap(([path, text]) => [
      `${path.startsWith('.') ? `~/${path}` : path}:`,
      '',
      ...fenced(path.slice(path.lastIndexOf('.') + 1), text),
    ]),
    ...(shell.length === 0 ? [] : fenced('sh', shell.join('\n'))),
    ...(code === undefined ? [] : fenced(code.language, code.text)),
    ...notes.flatMap((note) => [note, '']),
  ].join('\n');
}

/** A command line with `…` where the question goes. */
const commandLine = (words: readonly string[]): string =>
  words.map((word) => (word === '$PROMPT' ? '"…"' : word)).join(' ');

const fenced = (language: string, text: string): string[] => [
  `\`\`\`${language}`,
  ...text.trimEnd().split('\n'),
  '```',
  '',
];

/** `toolturn clients`: prints what each client needs to be pointed at LiteLLM; 2 where an option is wrong. */
export function addClients(program: Command): void {
  program
    .command('clients')
    .description('print what each client needs to use this LiteLLM')
    .addOption(new Option('--url <address>', "LiteLLM's address").default('http://127.0.0.1:4000'))
    .addOption(
      new Option('--key <key>', `a LiteLLM key for the client; ${placeholderKey} stands for it otherwise`),
    )
    .addOption(new Option('--client <name>', `only this one: ${clientSetups.map(({ id }) => id).join(', ')}`))
    .addOption(new Option('--model <name>', "a name of LiteLLM's model_list"))
    .addOption(new Option('--json', 'as JSON'))
    .action((options: ClientsOptions) => {
      try {
        const { output, warning } = renderClients(options, process.env);
        process.stdout.write(output);
        if (warning !== undefined) process.stderr.write(`toolturn: ${warning}\n`);
      } catch (error) {
        process.stderr.write(`toolturn: ${error instanceof ToolturnError ? error.message : String(error)}\n`);
        process.exitCode = 2;
      }
    });
}
