/**
 * The failure policy. Before the call Toolturn fails open, once tools were offered it fails closed; what that means for
 * each part stands in `failure-table.ts`, and the code that meets a failure takes from there whether it goes on, what
 * the client gets, what the model reads and what is logged. ARCHITECTURE.md's table is made from it.
 */
import { ToolturnError, type ErrorCode } from './errors';
import { failureTable } from './failure-table';
import type { Log } from './ports';

/** How serious a line of the log is. */
export type LogLevel = 'info' | 'warn' | 'error';

/** One part that can fail. What people read is markdown; `{name}` in a text is filled in where it is used. */
export interface Failure {
  readonly what: string;
  /** Open: work goes on without the part. Closed: it does not. */
  readonly fails: 'open' | 'closed' | 'neither';
  /** Where it is otherwise. */
  readonly unless?: string;
  /** The setting with which it fails closed where it fails open without. */
  readonly closes?: string;
  /** What the client sees. */
  readonly client: string;
  readonly logged: string;
  /** What recovers it. */
  readonly recovery: string;
  /** What a request gets. */
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly retryAfterSeconds?: number;
  };
  /** What the model reads. */
  readonly told?: Readonly<Record<string, string>> & { readonly text: string };
  readonly lines?: Readonly<Record<string, readonly [LogLevel, string]>>;
  /** What the door does, which reads no table: a test compares it. */
  readonly door?: {
    readonly level: 'debug' | 'warning' | 'error';
    readonly line: string;
    readonly status?: number;
    readonly message?: string;
  };
}

type Table = typeof failureTable;
export type FailureId = keyof Table;
type Having<Field extends keyof Failure> = {
  [Id in FailureId]: Table[Id] extends Readonly<Record<Field, object>> ? Id : never;
}[FailureId];
/** Failures that end in an error, that a model is told of, that are logged. */
export type ErrorId = Having<'error'>;
export type ToldId = Having<'told'>;
export type LoggedId = Having<'lines'>;
export type LineOf<Id extends LoggedId> = keyof Table[Id]['lines'] & string;

type Values = Readonly<Record<string, string | number>>;

const policy: Readonly<Record<FailureId, Failure>> = failureTable;

/** The error that a request gets; `values` fill in its text, `status` and `cause` are those of what failed. */
export function failureError(
  id: ErrorId,
  values: Values = {},
  options: { cause?: unknown; status?: number } = {},
): ToolturnError {
  const { error } = policy[id];
  if (error === undefined) throw new Error(`${id} has no error`);
  const { code, message, retryAfterSeconds } = error;
  return new ToolturnError(code, filled(message, values), {
    ...options,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** What the model reads of a failure. */
export function failureTold<Id extends ToldId>(
  id: Id,
  values: Values = {},
  which: keyof Table[Id]['told'] & string = 'text',
): string {
  return filled(policy[id].told?.[which] ?? '', values);
}

/** Writes a line of a failure; `values` fill in its text, `fields` stand beside it. */
export function logFailure<Id extends LoggedId>(
  log: Pick<Log, LogLevel>,
  id: Id,
  line: LineOf<Id>,
  fields: Record<string, unknown> = {},
  values: Values = {},
): void {
  const [level, message] = policy[id].lines?.[line] ?? ['error', id];
  log[level](filled(message, values), fields);
}

/** True where work may not go on without the part; `isSet`: the setting that closes it is set. */
export function failsClosed(id: FailureId, isSet = false): boolean {
  const { fails, closes } = policy[id];
  return fails === 'closed' || (closes !== undefined && isSet);
}

/** Logs what failed. Returns where the policy lets work go on without it, and throws an internal error where not. */
export function goOnWithout<Id extends LoggedId>(
  log: Pick<Log, LogLevel>,
  id: Id,
  line: LineOf<Id>,
  fields: Record<string, unknown> & { readonly error: unknown },
): void {
  logFailure(log, id, line, fields);
  if (failsClosed(id)) throw failureError('turnFailed', {}, { cause: fields.error });
}

/** How a part fails, in the words of the table. */
export function stanceOf({ fails, unless, closes }: Failure): string {
  if (fails === 'neither') return '';
  if (closes !== undefined) return `${fails}; closed with \`${closes}\``;
  if (unless === undefined) return fails;
  return unless.startsWith('for ') ? `${fails} ${unless}` : `${fails}; ${unless}`;
}

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}
