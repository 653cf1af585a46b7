import { plural } from './format.ts';
import { Fragment, h } from './preact.js';
import { Ago, Badge, Block, Empty, Facts, Heading, Problem } from './parts.tsx';
import { decide } from './server.ts';
import type { ApprovalView } from './shapes.ts';
import { change, now, state } from './store.ts';

const tones = { waiting: 'busy', approved: 'good', declined: 'off' } as const;

/** Calls that wait for a person, and what was decided here or elsewhere until their conversations go on. */
export function ApprovalsPage() {
  const { approvals } = state;
  const waiting = approvals.filter((each) => each.state === 'waiting').length;
  return (
    <Fragment>
      <Heading title="Approvals">
        <p class="muted">{plural(waiting, 'question')} waiting</p>
      </Heading>
      <p class="muted">
        A call that is approved here runs when its conversation goes on. A no in the conversation takes it
        back.
      </p>
      {approvals.length === 0 && <Empty>No call waits for a person.</Empty>}
      <ul class="list">
        {approvals.map((question) => (
          <Question key={question.code} question={question} />
        ))}
      </ul>
    </Fragment>
  );
}

function Question({ question }: { question: ApprovalView }) {
  const { code, calls, turn, askedAt } = question;
  const [first] = calls;
  const title = calls.length === 1 && first ? `${first.server}.${first.tool}` : plural(calls.length, 'call');
  return (
    <li data-question={code}>
      <div class="row">
        <Badge tone={tones[question.state]}>{question.state}</Badge>
        <h2>{title}</h2>
        <code class="end muted">{code}</code>
      </div>
      <Facts
        of={[
          ['Key', question.key ?? ''],
          ['User', question.user ?? ''],
          ['Team', question.team ?? ''],
          ['Client', question.client ?? ''],
          ['Model', question.model],
          ['Time left', leftOf(question)],
        ]}
      />
      <p class="muted">
        asked <Ago at={askedAt} />
        {turn !== undefined && (
          <Fragment>
            {' '}
            in turn <a href={`/turns/${turn}`}>{turn.slice(0, 8)}</a>
          </Fragment>
        )}
      </p>
      {calls.map((call, index) => (
        <Fragment key={index}>
          {calls.length > 1 && (
            <h3>
              {call.server}.{call.tool}
            </h3>
          )}
          <Block label={`Arguments of call ${index + 1} of ${code}`} text={call.arguments} />
        </Fragment>
      ))}
      <Problem text={state.refusals.get(code)} />
      {question.state === 'waiting' && <Decision code={code} title={title} />}
    </li>
  );
}

function Decision({ code, title }: { code: string; title: string }) {
  const reason = state.reasons.get(code) ?? '';
  return (
    <form class="row" onSubmit={(event: Event) => event.preventDefault()}>
      <label for={`reason-${code}`}>Why not (the model reads it)</label>
      <input
        id={`reason-${code}`}
        value={reason}
        maxLength={500}
        onInput={(event: Event) =>
          change({ reasons: new Map(state.reasons).set(code, (event.target as HTMLInputElement).value) })
        }
      />
      <button type="button" class="primary" onClick={() => void decide(code, 'approve', '')}>
        Approve<span class="away"> {title}</span>
      </button>
      <button type="button" onClick={() => void decide(code, 'decline', reason)}>
        Decline<span class="away"> {title}</span>
      </button>
    </form>
  );
}

function leftOf({ expiresAt }: ApprovalView): string {
  const seconds = Math.max(0, Math.round((expiresAt - now()) / 1000));
  return seconds < 120 ? plural(seconds, 'second') : plural(Math.round(seconds / 60), 'minute');
}
