import type { PartView, StateChange } from '../../console-page/shapes';
import { showHidden } from '../core/hidden-text';
import type { PartHealth } from '../core/ports';
import { shownAddress } from '../core/shown-address';

export interface HealthWatchOptions {
  /** Every part by name, at once and without waiting. */
  readonly health: () => Record<string, PartHealth>;
  /** Parts that have to be asked; each answer is waited for. Never rejects. */
  readonly ask: () => Promise<Record<string, PartHealth>>;
  /** How often `health` is looked at. */
  readonly lookMs?: number;
  /** How often `ask` is called. */
  readonly askMs?: number;
  readonly now?: () => number;
}

interface Known {
  readonly health: PartHealth;
  readonly since: number;
  readonly before: readonly StateChange[];
}

/** Earlier states of a part that are remembered. */
const remembered = 20;

/** Knows since when each part has been in its state, and what it was in before. */
export class HealthWatch {
  private readonly known = new Map<string, Known>();
  private asked: Record<string, PartHealth> = {};
  private readonly listeners = new Set<() => void>();
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly now: () => number;
  private asking = false;

  constructor(private readonly options: HealthWatchOptions) {
    this.now = options.now ?? Date.now;
    this.look();
    void this.ask();
    this.every(options.lookMs ?? 500, () => this.look());
    this.every(options.askMs ?? 3_000, () => void this.ask());
  }

  parts(): readonly PartView[] {
    return [...this.known].map(([name, { health, since, before }]) => ({
      ...shownHealth(name, health),
      since,
      before,
    }));
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  /** Compares what is with what was. */
  look(): void {
    const all = { ...this.asked, ...this.options.health() };
    let changed = false;
    for (const name of this.known.keys()) {
      if (all[name] !== undefined) continue;
      this.known.delete(name);
      changed = true;
    }
    for (const [name, health] of Object.entries(all)) changed = this.take(name, health) || changed;
    if (changed) for (const listener of this.listeners) listener();
  }

  private take(name: string, health: PartHealth): boolean {
    const old = this.known.get(name);
    if (old !== undefined && JSON.stringify(old.health) === JSON.stringify(health)) return false;
    const isSame = old?.health.state === health.state;
    const before =
      old === undefined ? [] : isSame ? old.before : [changeOf(old), ...old.before].slice(0, remembered);
    this.known.set(name, { health, since: isSame ? old.since : this.now(), before });
    // How often a server was tried in vain changes all the time, and nobody has to be told at once.
    return old === undefined || !isSame || said(old.health) !== said(health);
  }

  private async ask(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      this.asked = await this.options.ask();
    } finally {
      this.asking = false;
    }
    this.look();
  }

  private every(milliseconds: number, work: () => void): void {
    this.timers.push(setInterval(work, milliseconds).unref());
  }
}

function said({ attempts: _attempts, ...rest }: PartHealth): string {
  return JSON.stringify(rest);
}

function changeOf({ health: { state, reason }, since }: Known): StateChange {
  return { at: since, state, ...(reason === undefined ? {} : { reason: shownReason(reason) }) };
}

/** Reasons name addresses whole, and some services put a key into theirs. */
function shownReason(reason: string): string {
  return showHidden(reason).replace(/https?:\/\/[^\s"'<>]+?(?=[:;,.)]*(?:\s|$))/g, shownAddress);
}

function shownHealth(
  name: string,
  { state, reason, ...more }: PartHealth,
): Omit<PartView, 'since' | 'before'> {
  const details = Object.entries(more).flatMap(([key, value]) =>
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? [[key, value] as const]
      : [],
  );
  return {
    name,
    state,
    ...(reason === undefined ? {} : { reason: shownReason(reason) }),
    details: Object.fromEntries(details),
  };
}
