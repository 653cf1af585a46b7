import type { ApprovalView } from '../../console-page/shapes';
import type { ApprovalDesk } from '../core/approval-desk';
import type { QuestionView } from '../core/approvals';
import type { Observation } from '../core/observer';

/** How often other replicas' questions are looked for. */
const lookMs = 2_000;
/** More are not shown at once; the command line has them all. */
const mostShown = 100;

/** Calls that wait for a person, as the console shows them. */
export class ApprovalWatch {
  private shown: readonly ApprovalView[] = [];
  private last = '[]';
  private busy: Promise<void> | undefined;
  private readonly timer: NodeJS.Timeout;
  private listener: () => void = () => undefined;

  constructor(private readonly desk: Pick<ApprovalDesk, 'list'>) {
    this.timer = setInterval(() => void this.look(), lookMs).unref();
    void this.look();
  }

  list(): readonly ApprovalView[] {
    return this.shown;
  }

  onChange(listener: () => void): void {
    this.listener = listener;
  }

  observe(observation: Observation): void {
    if (observation.type === 'approval') void this.look();
  }

  /** Looks again. Never rejects: while the store is away what was seen last stays. */
  async look(): Promise<void> {
    // One that began before a change may not have seen it.
    await this.busy;
    this.busy ??= this.read().finally(() => (this.busy = undefined));
    return this.busy;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async read(): Promise<void> {
    try {
      const questions = (await this.desk.list()).slice(0, mostShown).map(viewOf);
      const text = JSON.stringify(questions);
      if (text === this.last) return;
      this.last = text;
      this.shown = questions;
      this.listener();
    } catch {
      // Readiness says that Redis is away.
    }
  }
}

function viewOf(question: QuestionView): ApprovalView {
  const {
    asked_at: asked,
    expires_at: expires,
    key_alias: key,
    turn,
    client,
    user,
    team,
    ...rest
  } = question;
  const { code, state, model, calls } = rest;
  return {
    code,
    state,
    model,
    calls,
    askedAt: Date.parse(asked),
    expiresAt: Date.parse(expires),
    ...(key === undefined ? {} : { key }),
    ...(user === undefined ? {} : { user }),
    ...(team === undefined ? {} : { team }),
    ...(client === undefined ? {} : { client }),
    ...(turn === undefined ? {} : { turn }),
  };
}
