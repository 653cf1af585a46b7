import { Fragment, h } from './preact.js';
import { Empty, Heading, Problem } from './parts.tsx';
import type { ConfigView } from './shapes.ts';
import { state } from './store.ts';

export function ConfigPage() {
  const { config, problems } = state;
  return (
    <Fragment>
      <Heading title="Config">
        <p class="muted">without secrets and comments</p>
      </Heading>
      <Problem text={problems.get('/api/config')} />
      {config === undefined ? <Empty>loading</Empty> : <View config={config} />}
    </Fragment>
  );
}

function View({ config }: { config: ConfigView }) {
  return (
    <Fragment>
      {config.files.map(({ file, lines }) => (
        <section key={file} aria-label={file}>
          <h2>
            <code>{file}</code>
          </h2>
          <div class="block config" tabIndex={0} role="region" aria-label={`Lines of ${file}`}>
            {lines.map((line, index) => (
              <div key={index} class={line.masked ? 'line masked' : 'line'}>
                <span class="no" aria-hidden="true">
                  {line.line}
                </span>
                <span style={{ paddingLeft: `${line.depth * 2}ch` }}>{line.text}</span>
              </div>
            ))}
          </div>
        </section>
      ))}
      <h2>In effect</h2>
      <table class="narrow">
        <caption class="away">Settings as they are in effect</caption>
        <thead>
          <tr>
            <th scope="col">Setting of toolturn:</th>
            <th scope="col">Value</th>
            <th scope="col">From</th>
          </tr>
        </thead>
        <tbody>
          {config.settings.map(({ name, value, isSet }) => (
            <tr key={name}>
              <td>
                <code>{name}</code>
              </td>
              <td>{value}</td>
              <td class="muted">{isSet ? 'config' : 'default'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Fragment>
  );
}
