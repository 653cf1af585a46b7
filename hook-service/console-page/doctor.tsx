import { plural } from './format.ts';
import { Fragment, h } from './preact.js';
import { Ago, Badge, Block, Empty, Heading, Problem } from './parts.tsx';
import { loadDoctor } from './server.ts';
import type { Finding } from './shapes.ts';
import { state } from './store.ts';

const tones = { security: 'bad', error: 'bad', warning: 'warn', note: 'off' } as const;

export function DoctorPage() {
  const { doctor, problems } = state;
  return (
    <Fragment>
      <Heading title="Doctor">
        {doctor && (
          <p class="muted" role="status">
            {plural(doctor.findings.length, 'finding')}, looked <Ago at={doctor.at} />
          </p>
        )}
        <button type="button" class="end" onClick={() => void loadDoctor()}>
          Look again
        </button>
      </Heading>
      <Problem text={problems.get('/api/doctor')} />
      {doctor?.findings.length === 0 && <Empty>The rules find nothing in the config that runs.</Empty>}
      <ul class="list">
        {grouped(doctor?.findings ?? []).map((findings) => (
          <Rule key={findings[0]?.id} findings={findings} />
        ))}
      </ul>
      {doctor !== undefined && doctor.notChecked.length > 0 && (
        <Fragment>
          <h2>Not looked at</h2>
          <ul class="plain">
            {doctor.notChecked.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </Fragment>
      )}
    </Fragment>
  );
}

/** One rule can find the same mistake at many places. */
function grouped(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.level} ${finding.id} ${finding.title}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()];
}

function Rule({ findings }: { findings: readonly Finding[] }) {
  const [first] = findings;
  if (first === undefined) return null;
  return (
    <li>
      <div class="row">
        <Badge tone={tones[first.level]}>{first.level}</Badge>
        <h2>{first.title}</h2>
        <code class="end muted">{first.id}</code>
      </div>
      <p class="muted">{first.why}</p>
      <ul class="places">
        {findings.map((finding, index) => (
          <li key={index}>
            <p>
              {finding.message}{' '}
              <code class="muted">
                {finding.file}:{finding.line}
              </code>
            </p>
            {finding.change.length > 0 && (
              <Block
                label={`Change at line ${finding.line} for ${finding.id}`}
                text={finding.change.join('\n')}
              />
            )}
          </li>
        ))}
      </ul>
    </li>
  );
}
