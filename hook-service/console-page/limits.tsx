import { number } from './format.ts';
import { Fragment, h } from './preact.js';
import { Ago, Empty, Heading } from './parts.tsx';
import { state } from './store.ts';

export function LimitsPage() {
  const { limits, overview } = state;
  const set = Object.entries(overview?.limits ?? {});
  const hits = (name: string): number => limits.filter(({ limit }) => limit === name).length;
  return (
    <Fragment>
      <Heading title="Limits" />
      <h2>Reached</h2>
      {limits.length === 0 ? (
        <Empty>No turn has reached a limit since the start.</Empty>
      ) : (
        <table class="stack">
          <caption class="away">Limits that were reached</caption>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Limit</th>
              <th scope="col">Key</th>
              <th scope="col">Model</th>
              <th scope="col">Tool</th>
              <th scope="col">Turn</th>
            </tr>
          </thead>
          <tbody>
            {limits.map((hit, index) => (
              <tr key={limits.length - index}>
                <td data-label="When">
                  <Ago at={hit.at} />
                </td>
                <td data-label="Limit">
                  <code>{hit.limit}</code>
                </td>
                <td data-label="Key">{hit.key ?? '–'}</td>
                <td data-label="Model">{hit.model ?? '–'}</td>
                <td data-label="Tool">{hit.tool ?? '–'}</td>
                <td data-label="Turn">
                  {hit.turn === undefined ? '–' : <a href={`/turns/${hit.turn}`}>{hit.turn.slice(0, 8)}</a>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <h2>Set</h2>
      <table class="narrow">
        <caption class="away">Limits as they are set</caption>
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col" class="num">
              Value
            </th>
            <th scope="col" class="num">
              Reached
            </th>
          </tr>
        </thead>
        <tbody>
          {set.map(([name, value]) => (
            <tr key={name}>
              <td>
                <code>{name}</code>
              </td>
              <td class="num">{number(value)}</td>
              <td class="num">{hits(name) === 0 ? '–' : hits(name)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Fragment>
  );
}
