import { failsClosed, logFailure } from './failure-policy';
import type { JsonObject } from './json';
import { gonePin, mergePins, pinKey, pinOf, type Pin, type PinStore } from './pins';
import type { HostTool, Log } from './ports';
import { definitionOf, definitionParts, partDigests, type DefinitionPart } from './tool-definition-digest';
import { within } from './within';

/** `allow` offers what changed and reports it; `hold` withholds it until somebody accepts it. */
export type PinPolicy = 'allow' | 'hold';

/** One difference between what a server lists and what is pinned. */
export interface ToolChange {
  readonly server: string;
  readonly tool: string;
  readonly kind: 'changed' | 'new' | 'gone';
  /** True where the tool is withheld because of it. */
  readonly held: boolean;
  /** What of a changed definition is another. */
  readonly parts: readonly DefinitionPart[];
  readonly before?: { readonly digest: string; readonly definition?: JsonObject };
  readonly now?: { readonly digest: string; readonly definition: JsonObject };
}

/** A change that somebody has seen and accepts: `digest` is what it was when it was seen, empty for `gone`. */
export interface Acceptance {
  readonly server: string;
  readonly tool: string;
  readonly digest: string;
}

/** Tools of one server that nobody is offered. */
export interface Withheld {
  readonly count: number;
  /** A sentence without an end, that names the number too. */
  readonly reason: string;
}

export interface ToolPinsOptions {
  readonly policy: PinPolicy;
  readonly store: PinStore;
  readonly log: Log;
  /** How often other replicas' pins are looked for, in milliseconds. */
  readonly pollMs?: number;
  /** How long a listing waits for the pins. */
  readonly loadWaitMs?: number;
  readonly now?: () => Date;
}

/**
 * Compares what servers list with what they listed when it was first seen or last accepted. The first list of a
 * server is trusted, whole; from then on a changed or new tool is reported, and withheld where the policy says so.
 */
export class ToolPins {
  private pins = new Map<string, Pin>();
  private readonly listed = new Map<string, ReadonlyMap<string, HostTool>>();
  private readonly reported = new Set<string>();
  private readonly loaded: Promise<void>;
  private readable = false;
  private failure: string | undefined;
  /** First pins that could not be kept yet. */
  private unsaved: readonly Pin[] = [];
  private timer: NodeJS.Timeout | undefined;
  private readonly now: () => Date;
  private policy: PinPolicy;
  private store: PinStore;

  /** `onChange` is told the servers whose tools have to be looked at again. */
  constructor(
    private readonly options: ToolPinsOptions,
    private readonly onChange: (servers: readonly string[]) => void = () => undefined,
  ) {
    this.now = options.now ?? (() => new Date());
    this.policy = options.policy;
    this.store = options.store;
    this.loaded = this.load();
    this.pollLater();
  }

  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /**
   * From here on another policy, and another place where one is given: it gets what is known, and what it has itself
   * counts as at a start. All tools are looked at again.
   */
  async follow(policy: PinPolicy, store?: PinStore): Promise<void> {
    this.policy = policy;
    if (store !== undefined) {
      this.store = store;
      this.readable = false;
      this.unsaved = [...this.pins.values()];
      await this.bounded(this.load());
    }
    this.onChange([...this.listed.keys()]);
  }

  /** Only these servers are configured: of others no change is told. Their pins are kept. */
  keepOnly(servers: ReadonlySet<string>): void {
    for (const server of this.listed.keys()) if (!servers.has(server)) this.listed.delete(server);
  }

  /** Which of the tools that a server lists may be offered. Waits for the pins once; never rejects. */
  async review(server: string, tools: readonly HostTool[]): Promise<readonly HostTool[]> {
    await this.bounded(this.loaded);
    // Another replica may have seen this server since: only what is new to all of them is trusted.
    if (this.policy === 'hold' && !this.isKnown(server)) await this.bounded(this.load());
    this.listed.set(server, new Map(tools.map((tool) => [tool.tool, tool])));
    const { log } = this.options;
    if (!this.readable && failsClosed('pinsUnread', this.policy === 'hold')) {
      this.report(`unreadable:${server}`, () =>
        logFailure(log, 'pinsUnread', 'withheld', { server }, { server }),
      );
      return [];
    }
    this.trustFirst(server, tools);
    const changes = this.changesOf(server);
    for (const change of changes) this.reportChange(change);
    const held = new Set(changes.filter((change) => change.held).map((change) => change.tool));
    return tools.filter((tool) => !held.has(tool.tool));
  }

  /** Every difference there is now, in the order of servers and tools. */
  changes(): readonly ToolChange[] {
    return [...this.listed.keys()].flatMap((server) => this.changesOf(server));
  }

  /** Pins what was accepted. Gives what could not be: it is another than it was when it was seen. */
  async accept(accepted: readonly Acceptance[]): Promise<{ done: ToolChange[]; refused: Acceptance[] }> {
    const open = new Map(this.changes().map((change) => [pinKey(change), change]));
    const done: ToolChange[] = [];
    const refused: Acceptance[] = [];
    const pins: Pin[] = [];
    for (const each of accepted) {
      const change = open.get(pinKey(each));
      const tool = this.listed.get(each.server)?.get(each.tool);
      const old = this.pins.get(pinKey(each));
      if (change === undefined || (change.now?.digest ?? '') !== each.digest) refused.push(each);
      else if (tool !== undefined) pins.push(pinOf(tool, this.now(), true));
      else if (old !== undefined) pins.push(gonePin(old, this.now()));
      if (change !== undefined && !refused.includes(each)) done.push(change);
    }
    // Kept first: what is accepted must not be forgotten at the next start.
    if (pins.length > 0) await this.store.save(pins);
    for (const pin of pins) this.pins.set(pinKey(pin), pin);
    for (const { server, tool, kind } of done) {
      this.options.log.info('a change of a tool was accepted', { server, tool, kind });
    }
    this.onChange([...new Set(done.map((change) => change.server))]);
    return { done, refused };
  }

  /** How many tools of a server are withheld, and why; undefined where none is. */
  heldOf(server: string): Withheld | undefined {
    const { length: count } = this.changesOf(server).filter((change) => change.held);
    if (count === 0) return undefined;
    const tools = count === 1 ? '1 tool is' : `${count} tools are`;
    const why = this.readable
      ? 'new or changed definitions wait to be accepted; see: toolturn tools --changes'
      : 'the pins cannot be read';
    return { count, reason: `${tools} withheld: ${why}` };
  }

  private changesOf(server: string): ToolChange[] {
    const listed = this.listed.get(server) ?? new Map<string, HostTool>();
    const held = this.policy === 'hold';
    const here = [...listed.values()].flatMap((tool): ToolChange[] => {
      const pin = this.pins.get(pinKey(tool));
      const digest = tool.digest ?? '';
      if (pin?.digest === digest) return [];
      const definition = definitionOf(tool);
      const change = { server, tool: tool.tool, held, now: { digest, definition } };
      if (pin === undefined || pin.digest === '') return [{ ...change, kind: 'new', parts: [] }];
      return [{ ...change, kind: 'changed', parts: changedParts(pin, definition), before: shownPin(pin) }];
    });
    const gone = [...this.pins.values()]
      .filter((pin) => pin.server === server && pin.digest !== '' && !listed.has(pin.tool))
      .map((pin): ToolChange => ({
        server,
        tool: pin.tool,
        kind: 'gone',
        held: false,
        parts: [],
        before: shownPin(pin),
      }));
    return [...here, ...gone].sort((left, right) => (left.tool < right.tool ? -1 : 1));
  }

  /** Pins what was never seen: all of a server that is new, and, unless it is to be held, a new tool of any server. */
  private trustFirst(server: string, tools: readonly HostTool[]): void {
    const known = this.isKnown(server);
    if (known && this.policy === 'hold') return;
    const isNew = (tool: HostTool) => (this.pins.get(pinKey(tool))?.digest ?? '') === '';
    const pins = tools.filter(isNew).map((tool) => pinOf(tool, this.now(), false));
    if (pins.length === 0) return;
    for (const pin of pins) {
      this.pins.set(pinKey(pin), pin);
      if (known) this.options.log.info('a tool is new', { server, tool: pin.tool });
    }
    this.unsaved = [...this.unsaved, ...pins];
    void this.saveFirst();
  }

  private async saveFirst(): Promise<void> {
    const pins = this.unsaved;
    if (pins.length === 0) return;
    this.unsaved = [];
    try {
      await this.store.save(pins);
    } catch (error) {
      this.unsaved = [...pins, ...this.unsaved];
      this.options.log.debug('tool definitions are not pinned yet', { error });
    }
  }

  private reportChange({ server, tool, kind, held, parts, now }: ToolChange): void {
    this.report(JSON.stringify([server, tool, kind, now?.digest]), () => {
      const fields = { server, tool, kind, held, ...(parts.length === 0 ? {} : { parts }) };
      if (kind === 'gone') this.options.log.info('a tool is gone', fields);
      else
        this.options.log.warn(
          `Tool ${tool} of MCP server ${server} ${kind === 'new' ? 'is new' : 'has changed'}${held ? ' and is withheld' : ''}; see: toolturn tools --changes`,
          fields,
        );
    });
  }

  private report(key: string, write: () => void): void {
    if (this.reported.has(key) || this.reported.size > 10_000) return;
    this.reported.add(key);
    write();
  }

  private isKnown(server: string): boolean {
    return [...this.pins.values()].some((pin) => pin.server === server);
  }

  private async bounded(work: Promise<void>): Promise<void> {
    await within(this.options.loadWaitMs ?? 3_000, work);
  }

  /** Takes over what is kept, and tells which servers that concerns. */
  private async load(): Promise<void> {
    try {
      const found = await this.store.load();
      const first = !this.readable;
      this.readable = true;
      this.failure = undefined;
      void this.saveFirst();
      if (found === undefined) return;
      const before = this.pins;
      this.pins = mergePins([...before.values()], found);
      const changed = [...this.pins].filter(([key, pin]) => before.get(key)?.digest !== pin.digest);
      const servers = new Set(changed.map(([, pin]) => pin.server));
      this.onChange([...this.listed.keys()].filter((server) => first || servers.has(server)));
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      if (failure !== this.failure) logFailure(this.options.log, 'pinsUnread', 'unread', { error });
      this.failure = failure;
    }
  }

  private pollLater(): void {
    this.timer = setTimeout(() => {
      void this.load().then(() => {
        if (this.timer !== undefined) this.pollLater();
      });
    }, this.options.pollMs ?? 10_000);
    this.timer.unref();
  }
}

function changedParts(pin: Pin, definition: JsonObject): DefinitionPart[] {
  const now = partDigests(definition);
  return definitionParts.filter((part) => pin.parts[part] !== now[part]);
}

function shownPin({ digest, definition }: Pin): NonNullable<ToolChange['before']> {
  return { digest, ...(definition === undefined ? {} : { definition }) };
}
