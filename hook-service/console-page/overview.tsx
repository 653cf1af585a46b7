import { duration, plural } from './format.ts';
import { Fragment, h } from './preact.js';
import { Ago, Empty, Heading, StateBadge } from './parts.tsx';
import type { PartView } from './shapes.ts';
import { now, state } from './store.ts';
import { TurnTable } from './turns.tsx';

const titles: Readonly<Record<string, string>> = {
  litellm: 'LiteLLM',
  'hook-service': 'hook-service',
  redis: 'Redis',
};

/** Servers have a page of their own; here stands how many are well. */
export const isServer = ({ name }: PartView): boolean => name.startsWith('mcp:');
export const serverName = ({ name }: PartView): string => name.slice('mcp:'.length);
export const isWell = ({ state: is }: PartView): boolean => is === 'ready' || is === 'disabled';

export function OverviewPage() {
  const { parts, overview, turns, limits, changes } = state;
  const servers = parts.filter(isServer);
  const ill = servers.filter((part) => !isWell(part));
  const all = [...turns.values()];
  const running = all.filter(({ ms }) => ms === undefined);
  return (
    <Fragment>
      <Heading title="Overview">
        {overview && (
          <p class="muted">
            Toolturn {overview.version}, up for {duration(now() - overview.startedAt)}
          </p>
        )}
      </Heading>
      <div class="cards">
        {parts
          .filter((part) => !isServer(part))
          .map((part) => (
            <section class="card" key={part.name} aria-label={titles[part.name] ?? part.name}>
              <h2>{titles[part.name] ?? part.name}</h2>
              <StateBadge state={part.state} />
              <p class="since">
                since <Ago at={part.since} />
              </p>
              {part.reason && <p class="reason">{part.reason}</p>}
            </section>
          ))}
        <section class="card" aria-label="MCP servers">
          <h2>
            <a href="/servers">MCP servers</a>
          </h2>
          <p class="figure">
            {servers.filter(({ state: is }) => is === 'ready').length}
            <small> of {servers.length} ready</small>
          </p>
        </section>
        <section class="card" aria-label="Turns">
          <h2>
            <a href="/turns">Turns</a>
          </h2>
          <p class="figure">
            {running.length}
            <small> running, {all.length - running.length} kept</small>
          </p>
        </section>
        <section class="card" aria-label="Waiting for you">
          <h2>Waiting for you</h2>
          <p class="figure">
            {changes}
            <small>
              {' '}
              changed {changes === 1 ? 'tool' : 'tools'}, {plural(limits.length, 'limit')} hit
            </small>
          </p>
        </section>
      </div>
      <h2>Not ready</h2>
      {ill.length === 0 ? (
        <Empty>Every server that is switched on is ready.</Empty>
      ) : (
        <ul class="list">
          {ill.map((part) => (
            <li key={part.name}>
              <div class="row">
                <a href="/servers">{serverName(part)}</a>
                <StateBadge state={part.state} />
                <span class="muted">
                  since <Ago at={part.since} />
                </span>
              </div>
              {part.reason && <p class="reason">{part.reason}</p>}
            </li>
          ))}
        </ul>
      )}
      <h2>Latest turns</h2>
      <TurnTable turns={all.slice(0, 8)} label="Latest turns" />
    </Fragment>
  );
}
