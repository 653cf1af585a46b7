/**
 * What clients may do with tools of their own: which of them a request may list, and where the addresses in their calls
 * may lead. hook-service runs none of them; it keeps the model from seeing or calling what a key may not use.
 * docs/guardrail-api.md says the same in the operator's words.
 */
import { namesCaller, type CallerNames } from './access';
import { parseArguments } from './arguments';
import type { Caller } from './caller';
import type { ToolCall } from './dialect';
import type { ToolturnError } from './errors';
import { failureError } from './failure-policy';
import { withoutHidden } from './hidden-text';
import { isJsonObject, type Json, type JsonObject } from './json';
import type { AddressBook, Log } from './ports';
import { globPattern } from './search-offer';
import { urlRefusal, type UrlReach } from './url-guard';

/** `toolturn.client_tools`. */
export interface ClientToolPolicy {
  /** For a caller to whom no rule grants anything. */
  readonly byDefault: 'all' | 'none';
  readonly rules: readonly ClientToolRule[];
  /** Tools, by name or glob, whose calls may hold only such addresses; the first one that fits counts. */
  readonly urls: readonly { readonly pattern: string; readonly reach: UrlReach }[];
  /** True: characters that nobody sees are taken out of what the client sends. */
  readonly stripsHidden: boolean;
}

export interface ClientToolRule extends CallerNames {
  /** Globs over names of tools; absent: the rule grants nothing. */
  readonly allow?: readonly string[];
  readonly deny: readonly string[];
}

/** Whether a policy takes anything away. */
export const restricts = ({ byDefault, rules, urls, stripsHidden }: ClientToolPolicy): boolean =>
  byDefault === 'none' || rules.length > 0 || urls.length > 0 || stripsHidden;

interface Rule {
  readonly names: CallerNames;
  readonly allow?: readonly RegExp[];
  readonly deny: readonly RegExp[];
}

/** The one place that says what clients may do with their own tools. */
export class ClientToolGuard {
  private readonly rules: readonly Rule[];
  private readonly urls: readonly { readonly pattern: RegExp; readonly reach: UrlReach }[];

  constructor(
    private readonly policy: ClientToolPolicy,
    private readonly deps: { readonly addresses: AddressBook; readonly log: Log },
  ) {
    this.rules = policy.rules.map(({ allow, deny, ...names }) => ({
      names,
      ...(allow === undefined ? {} : { allow: allow.map(globPattern) }),
      deny: deny.map(globPattern),
    }));
    this.urls = policy.urls.map(({ pattern, reach }) => ({ pattern: globPattern(pattern), reach }));
  }

  /** Whether this caller's clients may list and call a tool of this name. */
  allows(caller: Caller, name: string): boolean {
    const fitting = this.rules.filter((rule) => namesCaller(rule.names, caller));
    if (fitting.some((rule) => fits(rule.deny, name))) return false;
    const granting = fitting.filter((rule) => rule.allow !== undefined);
    if (granting.length === 0) return this.policy.byDefault === 'all';
    return granting.some((rule) => fits(rule.allow ?? [], name));
  }

  /** Whether calls of a tool of this name have to be looked at before the client gets them. */
  watches(name: string): boolean {
    return this.reachOf(name) !== undefined;
  }

  /** Why the client may not get this call, in words for it; undefined where it may. Refusals are logged. */
  async refusal(
    caller: Caller,
    call: Pick<ToolCall, 'name' | 'arguments'>,
  ): Promise<ToolturnError | undefined> {
    const { name } = call;
    const reason = this.allows(caller, name) ? await this.misled(call) : 'this key may not use it';
    if (reason === undefined) return undefined;
    this.denied(caller, name, reason === 'this key may not use it' ? 'tool' : 'argument');
    return failureError('clientCallDenied', { tool: shown(name), reason });
  }

  /** Writes down that a tool of a client was kept from it: who and which, no arguments. */
  denied({ alias, user, team }: Caller, name: string, reason: 'tool' | 'argument'): void {
    this.deps.log.info("a client's own tool was denied", {
      decision: 'denied',
      reason,
      tool: name.slice(0, 128),
      ...(alias === undefined ? {} : { key_alias: alias }),
      ...(user === undefined ? {} : { user }),
      ...(team === undefined ? {} : { team }),
    });
  }

  /** Whether there are names that this caller's clients may not use. */
  limits(caller: Caller): boolean {
    const fitting = this.rules.filter((rule) => namesCaller(rule.names, caller));
    return (
      fitting.some(({ allow, deny }) => allow !== undefined || deny.length > 0) ||
      this.policy.byDefault === 'none'
    );
  }

  /** Whether what clients send is cleaned. */
  get cleans(): boolean {
    return this.policy.stripsHidden;
  }

  /** What a client sent, without what nobody sees in it; the very same value where there is nothing to take out. */
  clean<T extends Json>(value: T): T {
    return this.policy.stripsHidden ? (cleaned(value, 0) as T) : value;
  }

  /** A request with its conversation and tools cleaned. */
  cleanRequest(body: JsonObject): JsonObject {
    const set = conversation.flatMap((name) => {
      const value = body[name];
      const clean = value === undefined ? undefined : this.clean(value);
      return clean === value || clean === undefined ? [] : [[name, clean] as const];
    });
    return set.length === 0 ? body : { ...body, ...Object.fromEntries(set) };
  }

  private async misled({ name, arguments: written }: Pick<ToolCall, 'name' | 'arguments'>) {
    const reach = this.reachOf(name);
    if (reach === undefined) return undefined;
    const read = parseArguments(written);
    // What is no JSON is a text in which an address may stand all the same.
    return urlRefusal(read.ok ? read.value : { arguments: written }, reach, this.deps.addresses);
  }

  private reachOf(name: string): UrlReach | undefined {
    return this.urls.find(({ pattern }) => pattern.test(name))?.reach;
  }
}

/** By what a tool of a client is known: its name, or what kind of tool of the provider's it is. */
export function clientToolName(entry: Json): string | undefined {
  if (!isJsonObject(entry)) return undefined;
  const { function: inner, name, type } = entry;
  const named = isJsonObject(inner) ? inner['name'] : (name ?? type);
  // Gemini's own tools are the name of their one field.
  const found = named ?? Object.keys(entry)[0];
  return typeof found === 'string' ? found : undefined;
}

/**
 * Requests whose answers are not followed: which calls they hold cannot be seen. Reasons of the dialects for offering
 * nothing, in their words.
 */
export const unreadableForms: ReadonlySet<string> = new Set([
  'n is above 1',
  'candidateCount is above 1',
  'the request uses the older functions field',
  'the request runs in the background',
  'calls are streamed in pieces',
]);

/** Where the texts of a request stand, whatever its dialect. */
const conversation = [
  'messages',
  'system',
  'input',
  'instructions',
  'contents',
  'systemInstruction',
  'tools',
];

const fits = (patterns: readonly RegExp[], name: string): boolean =>
  patterns.some((pattern) => pattern.test(name));

const shown = (name: string): string => JSON.stringify(withoutHidden(name).slice(0, 128));

/** Values nested deeper stay as they are. */
const deepest = 100;

function cleaned(value: Json | undefined, depth: number): Json | undefined {
  if (typeof value === 'string') return withoutHidden(value);
  if (typeof value !== 'object' || value === null || depth > deepest) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => cleaned(item, depth + 1) ?? null);
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  const fields = Object.entries(value).map(([name, field]) => [name, cleaned(field, depth + 1)] as const);
  return fields.some(([name, field]) => field !== value[name]) ? Object.fromEntries(fields) : value;
}
