import { logFailure } from '../core/failure-policy';
import type { Log, PartHealth } from '../core/ports';
import type { Settings, SettingsInvalid } from './settings';

export interface ReloaderOptions {
  /** Reads everything anew: what to run with from now on, or what is wrong with it. */
  readonly read: () => Settings | SettingsInvalid;
  /** Begins to run with it. Gives what of it is another, for the log. */
  readonly apply: (settings: Settings) => Promise<Readonly<Record<string, unknown>>>;
  /** What the process has started with. */
  readonly first: Settings;
  /** Looks at the files once more; true where somebody is still writing. */
  readonly stillChanging: () => Promise<boolean>;
  readonly log: Log;
  /** How long the files must have been left alone before they are read. */
  readonly settleMs?: number;
  /** After this they are read even so. */
  readonly mostSettleMs?: number;
  /** How long a wrong file may be half of a right one. */
  readonly retryMs?: number;
  readonly now?: () => Date;
}

/**
 * Follows the settings: when something may have changed they are read once they have been left alone for a moment. What
 * is wrong is read a second time before anything is said, and changes nothing; each set of problems is logged once.
 */
export class Reloader {
  private loaded: { readonly settings: Settings; readonly at: Date };
  private problem: { readonly text: string; readonly reason: string; readonly since: Date } | undefined;
  private readonly warned: Set<string>;
  private timer: NodeJS.Timeout | undefined;
  private changingSince: number | undefined;
  private tries = 0;
  private running: Promise<void> = Promise.resolve();
  private closed = false;
  private readonly now: () => Date;

  constructor(private readonly options: ReloaderOptions) {
    this.now = options.now ?? (() => new Date());
    this.loaded = { settings: options.first, at: this.now() };
    this.warned = new Set(options.first.warnings);
  }

  /** A file may have changed. */
  changed(): void {
    const { settleMs = 100, mostSettleMs = 2_000 } = this.options;
    if (this.closed) return;
    this.tries = 0;
    this.changingSince ??= performance.now();
    const left = this.changingSince + mostSettleMs - performance.now();
    this.later(Math.max(0, Math.min(settleMs, left)));
  }

  /** Reads at once, and says what came of it even where nothing is new. */
  async reload(): Promise<void> {
    clearTimeout(this.timer);
    this.changingSince = undefined;
    await this.inTurn(() => this.load('asked'));
  }

  health(): PartHealth {
    const { settings, at } = this.loaded;
    const loaded = { version: settings.version, loaded: at.toISOString() };
    if (this.problem === undefined) return { state: 'ready', ...loaded };
    const { reason, since } = this.problem;
    return { state: 'degraded', reason, since: since.toISOString(), ...loaded };
  }

  /** Ends it; what is being applied is waited for. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private later(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.inTurn(() => this.settled()), milliseconds);
    this.timer.unref();
  }

  /** One after the other: what is applied next must see what was applied before. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    this.running = this.running.then(async () => {
      if (!this.closed) await work();
    });
    return this.running;
  }

  private async settled(): Promise<void> {
    // Whoever still writes calls `changed` by that, and the wait begins anew; but it has an end.
    const { mostSettleMs = 2_000 } = this.options;
    const since = this.changingSince;
    const isWritten = since !== undefined && performance.now() - since < mostSettleMs;
    if (isWritten && (await this.options.stillChanging())) return;
    this.changingSince = undefined;
    await this.load('noticed');
  }

  private async load(why: 'asked' | 'noticed'): Promise<void> {
    const { log, retryMs = 400 } = this.options;
    try {
      const result = this.options.read();
      if (!('problems' in result)) return await this.take(result, why);
      this.tries += 1;
      if (this.tries === 1 && why === 'noticed') this.later(retryMs);
      else this.refuse(result.problems, why);
    } catch (error) {
      logFailure(log, 'configBecomesWrong', 'defect', { error });
      this.keepProblem('internal', 'It could not be reloaded; the log says why');
    }
  }

  private async take(next: Settings, why: 'asked' | 'noticed'): Promise<void> {
    const { log } = this.options;
    for (const warning of next.warnings) if (!this.warned.has(warning)) log.warn(`configuration: ${warning}`);
    this.warned.clear();
    for (const warning of next.warnings) this.warned.add(warning);
    const before = this.loaded.settings;
    // Equal settings are not applied, but the newest are compared with those that come.
    const changed = next.version === before.version ? undefined : await this.options.apply(next);
    this.loaded = { settings: next, at: changed === undefined ? this.loaded.at : this.now() };
    const wasWrong = this.problem !== undefined;
    this.problem = undefined;
    const { version } = next;
    if (changed !== undefined) log.info('the configuration was reloaded', { version, ...changed });
    else if (wasWrong) log.info('the configuration is good again, and as it was before', { version });
    else if (why === 'asked') log.info('the configuration is as it was', { version });
    else log.debug('files of the configuration changed, and nothing in them that matters here', { version });
  }

  private refuse(problems: readonly string[], why: 'asked' | 'noticed'): void {
    const text = problems.join('\n');
    const isNew = text !== this.problem?.text;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more; the log has all)` : '';
    this.keepProblem(
      text,
      `The configuration is not loaded, the one before holds: ${problems[0] ?? ''}${more}`,
    );
    if (!isNew && why === 'noticed') return;
    const { version } = this.loaded.settings;
    logFailure(this.options.log, 'configBecomesWrong', 'wrong', { version, problems });
  }

  /** Since when it is wrong, and not since when it is wrong in this way. */
  private keepProblem(text: string, reason: string): void {
    this.problem = { text, reason, since: this.problem?.since ?? this.now() };
  }
}
