import { createHash } from 'node:crypto';
import type { Caller } from './caller';
import type { HostTool } from './ports';
import { globPattern } from './search-offer';
import type { Selection } from './selection';
import type { ServerConfig } from './servers';

/** Which tools of a server ask before they run (LiteLLM's and OpenAI's `require_approval`). */
export type RequireApproval =
  | 'never'
  | 'always'
  /** Names of tools. With `always` alone, all others run; with `never`, all that it does not name ask. */
  | { readonly always?: readonly string[]; readonly never?: readonly string[] };

/** One entry of `toolturn.approval`. */
export interface ApprovalRule {
  /** Globs over names as the model sees them; absent: all tools. */
  readonly tools?: readonly string[];
  /** Public names; absent: of all servers. */
  readonly servers?: readonly string[];
  /** Aliases or hashes (SHA-256 in hex) of keys; absent: everybody's calls. */
  readonly keys?: readonly string[];
  /** How long a question waits for its answer. */
  readonly expiresSeconds: number;
}

/** How long a question waits where only `require_approval` asks for it. */
export const defaultExpirySeconds = 900;

interface Rule extends ApprovalRule {
  readonly patterns: readonly RegExp[] | undefined;
}

/** Says which calls wait for a person. What a request says about it can only add to what the config says. */
export class ApprovalPolicy {
  private readonly rules: readonly Rule[];
  private readonly servers: ReadonlyMap<string, RequireApproval>;

  constructor(rules: readonly ApprovalRule[], servers: readonly ServerConfig[]) {
    this.rules = rules.map((rule) => ({ ...rule, patterns: rule.tools?.map(globPattern) }));
    this.servers = new Map(servers.map((server) => [server.publicName, server.requireApproval]));
  }

  /**
   * For how many seconds the question may wait where a call of this tool needs approval; undefined where it runs
   * without. `name` is the tool's as the model sees it. The first rule that fits says how long.
   */
  expiry(caller: Caller, tool: HostTool, name: string, selection?: Selection): number | undefined {
    const rule = this.rules.find((each) => fits(each, caller, tool, name));
    if (rule !== undefined) return rule.expiresSeconds;
    const asked = selection?.servers.some(
      ({ server, approval }) => server === tool.server && asks(approval ?? 'never', tool),
    );
    const isMarked = asks(this.servers.get(tool.server) ?? 'never', tool) || asked === true;
    return isMarked ? defaultExpirySeconds : undefined;
  }
}

function fits({ patterns, servers, keys }: Rule, caller: Caller, tool: HostTool, name: string): boolean {
  if (servers?.includes(tool.server) === false) return false;
  if (patterns?.some((pattern) => pattern.test(name)) === false) return false;
  return keys === undefined || keys.includes('*') || isOf(caller, keys);
}

function isOf({ alias, key }: Caller, keys: readonly string[]): boolean {
  const hash = key === undefined ? undefined : createHash('sha256').update(key).digest('hex');
  return [alias, key, hash].some((each) => each !== undefined && keys.includes(each));
}

function asks(wanted: RequireApproval, { tool, shownAs }: HostTool): boolean {
  if (wanted === 'never' || wanted === 'always') return wanted === 'always';
  const names = (list: readonly string[] | undefined): boolean =>
    list?.some((each) => each === tool || each === shownAs) === true;
  if (names(wanted.always)) return true;
  return wanted.never !== undefined && !names(wanted.never);
}
