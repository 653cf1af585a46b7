import { argumentsOf, fieldsOf, type Field } from './form.ts';
import { duration } from './format.ts';
import { Fragment, h } from './preact.js';
import { Badge, Block, Empty, json, Problem } from './parts.tsx';
import { acceptChanges, loadTool, runTool, toolId } from './server.ts';
import type { ToolDetail } from './shapes.ts';
import { change, state } from './store.ts';
import { PinBadge } from './tools.tsx';

/** Everything about one tool, and a form to try it. */
export function ToolPanel({ server, tool }: { server: string; tool: string }) {
  const id = toolId(server, tool);
  if (state.tool?.id !== id) {
    // Asked for behind the drawing that found out.
    queueMicrotask(() => {
      if (state.tool?.id === id) return;
      change({ tool: { id }, form: new Map(), call: undefined });
      void loadTool(server, tool);
    });
  }
  const shown = state.tool?.id === id ? state.tool : undefined;
  return (
    <section class="panel" aria-labelledby="tool-name">
      <div class="row">
        <h2 id="tool-name" tabIndex={-1}>
          {shown?.detail?.title ?? tool}
        </h2>
        <a class="end close" href="/tools">
          Close
        </a>
      </div>
      {shown?.problem !== undefined ? (
        <Problem text={shown.problem} />
      ) : shown?.detail === undefined ? (
        <Empty>loading</Empty>
      ) : (
        <Tool id={id} detail={shown.detail} />
      )}
    </section>
  );
}

function Tool({ id, detail }: { id: string; detail: ToolDetail }) {
  return (
    <Fragment>
      <p>
        <code>{detail.name}</code>
      </p>
      {detail.description !== '' && <p class="text">{detail.description}</p>}
      {detail.texts.map((text) => (
        <p class="reason" key={text}>
          Look at this: {text}
        </p>
      ))}
      <h3>Definition</h3>
      <div class="row">
        {detail.pin === 'same' ? <Badge tone="good">as it was pinned</Badge> : <PinBadge row={detail} />}
        {detail.held && <Badge tone="bad">withheld</Badge>}
        {detail.parts.length > 0 && <span class="muted">changed: {detail.parts.join(', ')}</span>}
      </div>
      <p class="digest">
        <code>{detail.digest}</code>
      </p>
      {detail.accepts !== undefined && <Change detail={detail} digest={detail.accepts} />}
      <h3>Who may use it</h3>
      <ul class="plain">
        {detail.who.rules.map((rule) => (
          <li key={rule}>{rule}</li>
        ))}
      </ul>
      <h3>Try it</h3>
      <TryForm id={id} detail={detail} />
      <h3>Schema</h3>
      <Block label="Schema of the arguments" text={json(detail.schema)} />
      {detail.annotations !== undefined && (
        <Fragment>
          <h3>Hints of the server</h3>
          <Block label="Hints of the server" text={json(detail.annotations)} />
        </Fragment>
      )}
    </Fragment>
  );
}

function Change({ detail, digest }: { detail: ToolDetail; digest: string }) {
  const { server, tool } = detail;
  return (
    <div class="change">
      {detail.before?.definition !== undefined && (
        <details>
          <summary>As it was pinned</summary>
          <Block label="The pinned definition" text={json(detail.before.definition)} />
        </details>
      )}
      {detail.now?.definition !== undefined && (
        <details open>
          <summary>As it is now</summary>
          <Block label="The definition now" text={json(detail.now.definition)} />
        </details>
      )}
      <button
        type="button"
        class="primary"
        onClick={() => {
          void acceptChanges([{ server, tool, digest }]).then(() => loadTool(server, tool));
        }}
      >
        Accept this {detail.pin === 'gone' ? 'end' : 'definition'}
      </button>
    </div>
  );
}

function TryForm({ id, detail }: { id: string; detail: ToolDetail }) {
  const { key, usable, form, call } = state;
  const fields = fieldsOf(detail.schema);
  const made = argumentsOf(fields, form);
  const problems = new Map(made.ok ? [] : made.problems.map(({ name, message }) => [name, message]));
  const mayNot = usable !== undefined && !usable.has(detail.name);
  const why =
    key === ''
      ? 'Type a LiteLLM key above: a call runs with its rights, and counts as one of its calls.'
      : mayNot
        ? 'This key may not use the tool.'
        : '';
  const running = call?.id === id && call.running;
  return (
    <form
      class="try"
      onSubmit={(event: Event) => {
        event.preventDefault();
        if (made.ok && why === '') void runTool(id, detail.name, made.arguments);
      }}
    >
      {why !== '' && <p class="muted">{why}</p>}
      <fieldset disabled={why !== '' || running}>
        <legend class="away">Arguments</legend>
        {fields.length === 0 && <p class="muted">It takes no arguments.</p>}
        {fields.map((field, index) => (
          <FormField key={field.name} field={field} index={index} problem={problems.get(field.name)} />
        ))}
        <button type="submit" class="primary" disabled={!made.ok}>
          {running ? 'Runs…' : 'Run'}
        </button>
      </fieldset>
      {call?.id === id && !call.running && (
        <Fragment>
          <Problem text={call.problem} />
          {call.answer !== undefined && (
            <Fragment>
              <p>
                {call.answer.failure === undefined ? (
                  <Badge tone="good">done</Badge>
                ) : (
                  <Badge tone="bad">{call.answer.failure.replaceAll('_', ' ')}</Badge>
                )}{' '}
                <span class="muted">{duration(call.answer.ms)}</span>
              </p>
              <Block label="Result" text={call.answer.text} />
            </Fragment>
          )}
        </Fragment>
      )}
    </form>
  );
}

function FormField({ field, index, problem }: { field: Field; index: number; problem: string | undefined }) {
  const { form } = state;
  const value = form.get(field.name) ?? field.initial;
  const isTouched = form.has(field.name);
  const htmlId = `argument-${index}`;
  const set = (text: string): void => change({ form: new Map(state.form).set(field.name, text) });
  const common = {
    id: htmlId,
    value,
    'aria-required': field.required,
    'aria-describedby': `${htmlId}-hint`,
    'aria-invalid': isTouched && problem !== undefined ? ('true' as const) : undefined,
    onInput: (event: Event) => set((event.target as HTMLInputElement).value),
  };
  const kinds = {
    list: 'one on each line',
    json: 'JSON',
    number: field.whole ? 'whole number' : 'number',
  } as const;
  const kind = field.kind in kinds ? ` (${kinds[field.kind as keyof typeof kinds]})` : '';
  return (
    <div class="field">
      <label for={htmlId}>
        {field.name}
        {field.required && <span class="muted"> needed</span>}
        <span class="muted">{kind}</span>
      </label>
      {field.kind === 'boolean' || field.kind === 'choice' ? (
        <select {...common}>
          <option value="">–</option>
          {(field.kind === 'boolean' ? ['true', 'false'] : field.options).map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      ) : field.kind === 'list' || field.kind === 'json' ? (
        <textarea {...common} rows={3} spellcheck={false} />
      ) : (
        <input
          {...common}
          type="text"
          inputMode={field.kind === 'number' ? 'decimal' : undefined}
          autocomplete="off"
        />
      )}
      <p class="hint" id={`${htmlId}-hint`}>
        {isTouched && problem !== undefined ? <span class="bad-text">{problem}. </span> : null}
        {field.description}
      </p>
    </div>
  );
}
