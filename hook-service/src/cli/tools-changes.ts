import { diffLines } from 'diff';
import { z } from 'zod';
import { showHidden } from '../core/hidden-text';
import type { ToolChange } from '../core/tool-pins';
import {
  askAsOperator,
  CommandFailure,
  exitCodes,
  readAnswer,
  type Said,
  type ServiceOptions,
} from './service';

const definition = z.custom<NonNullable<NonNullable<ToolChange['now']>['definition']>>(
  (value) => typeof value === 'object' && value !== null,
);

const changesAnswer = z.object({
  changes: z.array(
    z.object({
      server: z.string(),
      tool: z.string(),
      kind: z.enum(['changed', 'new', 'gone']),
      held: z.boolean(),
      parts: z.array(z.enum(['description', 'inputSchema', 'outputSchema', 'annotations'])),
      before: z.object({ digest: z.string(), definition: definition.optional() }).optional(),
      now: z.object({ digest: z.string(), definition }).optional(),
    }),
  ),
  warnings: z.array(z.object({ server: z.string(), tool: z.string(), warnings: z.array(z.string()) })),
});
type Changes = z.infer<typeof changesAnswer>;
type Change = Changes['changes'][number];

const acceptAnswer = z.object({
  accepted: z.array(z.object({ server: z.string(), tool: z.string() })),
  refused: z.array(z.object({ server: z.string(), tool: z.string() })),
});

interface ChangesOptions extends ServiceOptions {
  readonly json?: true;
}

const partNames = {
  description: 'description',
  inputSchema: 'schema',
  outputSchema: 'output schema',
  annotations: 'annotations',
} as const;

/** Lines of a diff around a difference. */
const context = 3;

/**
 * `toolturn tools --changes`: what differs between what servers list and what is pinned, and what is odd about tools.
 * Exit code 1 where something has changed.
 */
export async function showChanges(options: ChangesOptions): Promise<Said> {
  const found = await fetchChanges(options);
  const text = options.json === true ? JSON.stringify(found, undefined, 2) : changesText(found);
  return { text, ...(found.changes.length === 0 ? {} : { exitCode: exitCodes.found }) };
}

/**
 * `toolturn tools --accept [server[__tool]…]`: accepts the changes of these servers and tools, or all. What has
 * changed once more meanwhile is not accepted: exit code 1. Throws `CommandFailure` where a name fits no change.
 */
export async function acceptChanges(options: ChangesOptions, names: readonly string[]): Promise<Said> {
  const { changes } = await fetchChanges(options);
  const unknown = names.find((name) => !changes.some((change) => isNamed(change, name)));
  if (unknown !== undefined) {
    const text = `there is no change of ${unknown}; see: toolturn tools --changes`;
    throw new CommandFailure(text, exitCodes.service);
  }
  const chosen = changes.filter(
    (change) => names.length === 0 || names.some((name) => isNamed(change, name)),
  );
  const accept = chosen.map(({ server, tool, now }) => ({ server, tool, digest: now?.digest ?? '' }));
  const answer =
    accept.length === 0
      ? { accepted: [], refused: [] }
      : readAnswer(acceptAnswer, await askAsOperator(options, '/admin/tools/accept', { accept }));
  const lines = [
    ...answer.accepted.map((tool) => `accepted ${nameOf(tool)}`),
    ...answer.refused.map((tool) => `not accepted ${nameOf(tool)}: it has changed once more`),
    ...(accept.length === 0 ? ['There is nothing to accept.'] : []),
  ];
  const text = options.json === true ? JSON.stringify(answer, undefined, 2) : lines.join('\n');
  return { text, ...(answer.refused.length === 0 ? {} : { exitCode: exitCodes.found }) };
}

async function fetchChanges(options: ChangesOptions): Promise<Changes> {
  return readAnswer(changesAnswer, await askAsOperator(options, '/admin/tools/changes'));
}

function isNamed(change: Change, name: string): boolean {
  return name === change.server || name === `${change.server}__${change.tool}`;
}

const nameOf = ({ server, tool }: { server: string; tool: string }): string =>
  showHidden(`${server}__${tool}`);

/** The changes for a person. What a server wrote goes to a terminal here: nothing in it may move the cursor. */
function changesText({ changes, warnings }: Changes): string {
  const blocks = changes.map((change) => `${headOf(change)}\n${bodyOf(change)}`);
  const odd = warnings.map(({ warnings: texts, ...tool }) =>
    texts.map((text) => `warning: ${nameOf(tool)}: ${showHidden(text)}\n`).join(''),
  );
  if (blocks.length === 0) return `No tool has changed.\n${odd.join('')}`;
  return `${blocks.join('\n')}${odd.length === 0 ? '' : `\n${odd.join('')}`}\nAccept with: toolturn tools --accept [server[__tool]…]\n`;
}

function headOf(change: Change): string {
  const short = (digest: string | undefined) => (digest ?? '').slice(0, 12);
  const what =
    change.kind === 'changed'
      ? `changed (${change.parts.map((part) => partNames[part]).join(', ')})`
      : change.kind;
  const digests = [short(change.before?.digest), short(change.now?.digest)].filter((each) => each !== '');
  return `${nameOf(change)}: ${what}  ${digests.join(' -> ')}${change.held ? '  [withheld]' : ''}`;
}

function bodyOf(change: Change): string {
  const after = change.now?.definition;
  const before = change.before?.definition;
  if (change.kind === 'new') {
    return indented(lines(after?.['description']).map((line) => `+ ${line}`));
  }
  if (change.kind === 'gone') return '';
  if (before === undefined) return indented(['(the earlier definition is too long to be kept)']);
  return change.parts
    .map((part) => `  ${partNames[part]}:\n${indented(difference(before[part], after?.[part]))}`)
    .join('');
}

/** The lines that went and came, with some around them. */
function difference(before: unknown, after: unknown): string[] {
  const parts = diffLines(`${lines(before).join('\n')}\n`, `${lines(after).join('\n')}\n`);
  const all = parts.flatMap(({ value, added, removed }) =>
    value
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => ({ mark: added ? '+' : removed ? '-' : ' ', line })),
  );
  const near = all.map((_, index) =>
    all.slice(Math.max(0, index - context), index + context + 1).some((each) => each.mark !== ' '),
  );
  return all.flatMap(({ mark, line }, index) => {
    if (near[index] === true) return [`${mark} ${line}`];
    return near[index - 1] === true ? ['  …'] : [];
  });
}

function lines(value: unknown): string[] {
  if (value === undefined) return ['(none)'];
  const text = typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
  return text.split(/\r\n|\r|\n/).map(showHidden);
}

function indented(text: readonly string[]): string {
  return text.map((line) => `    ${line}\n`).join('');
}
