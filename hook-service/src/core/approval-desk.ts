import { isCode, type Approvals, type Decider, type QuestionView } from './approvals';
import { ToolturnError } from './errors';

/** Where people decide who are not in the conversation: over HTTP and in the console. */
export type ApprovalDesk = Pick<Approvals, 'list' | 'decide'>;

/** Questions that wait. Throws with status 503 where they cannot be read. */
export const listQuestions = (approvals: ApprovalDesk): Promise<readonly QuestionView[]> =>
  known(approvals.list());

/** Decides, or throws what the one who decides is told: 404, 409, 410 or 503. */
export async function decideAs(
  approvals: ApprovalDesk,
  code: string,
  decision: 'approve' | 'decline',
  by: Decider,
  reason?: string,
): Promise<{ state: 'approved' | 'declined'; question: QuestionView }> {
  const wanted = decision === 'approve' ? 'approved' : 'declined';
  const made = isCode(code) ? await known(approvals.decide(code, wanted, by, reason)) : undefined;
  if (made === undefined)
    throw new ToolturnError(
      'not_found',
      'No question with this code is open: it may be decided, or have expired.',
    );
  const { kind, by: first } = made.decision;
  if (kind === 'expired') throw new ToolturnError('not_found', 'The question has expired.', { status: 410 });
  if (kind !== wanted) {
    const who = first.name === undefined ? '' : ` by ${first.name}`;
    throw new ToolturnError('bad_request', `The call was ${kind} before${who} (${first.via}).`, {
      status: 409,
    });
  }
  return { state: kind, question: made.view };
}

async function known<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw new ToolturnError('upstream_failed', 'The questions cannot be read: Redis does not answer.', {
      cause: error,
      status: 503,
    });
  }
}
