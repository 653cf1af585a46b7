import { duration, number, plural } from './format.ts';
import { isServer, serverName } from './overview.tsx';
import { Fragment, h } from './preact.js';
import { Ago, Empty, Facts, Heading, StateBadge } from './parts.tsx';
import type { PartView, ServerView } from './shapes.ts';
import { state } from './store.ts';

export function ServersPage() {
  const parts = state.parts.filter(isServer);
  const configs = new Map((state.overview?.servers ?? []).map((server) => [server.name, server]));
  const ready = parts.filter(({ state: is }) => is === 'ready').length;
  return (
    <Fragment>
      <Heading title="Servers">
        <p class="muted">
          {ready} of {parts.length} ready
        </p>
      </Heading>
      {parts.length === 0 ? (
        <Empty>No MCP server stands in the config.</Empty>
      ) : (
        <ul class="list servers">
          {parts.map((part) => (
            <Server key={part.name} part={part} config={configs.get(serverName(part))} />
          ))}
        </ul>
      )}
    </Fragment>
  );
}

function Server({ part, config }: { part: PartView; config: ServerView | undefined }) {
  const { tools, protocol, era, attempts, withheld } = part.details;
  const name = serverName(part);
  const facts: (readonly [string, string])[] = [
    ['transport', config?.transport ?? `${part.details['transport'] ?? ''}`],
    ['at', config?.at ?? ''],
    ['protocol', protocol === undefined ? '' : `${protocol}${era === undefined ? '' : ` (${era})`}`],
    ['attempts', attempts === undefined ? '' : `${attempts}`],
    ['withheld', withheld === undefined ? '' : plural(Number(withheld), 'tool')],
    ['deadline', config === undefined ? '' : duration(config.timeoutMs)],
    ['groups', config?.groups.join(', ') ?? ''],
    ['keys', config?.keys === undefined ? '' : `only ${plural(config.keys, 'key')}`],
  ];
  return (
    <li id={`server-${name}`} data-server={name}>
      <div class="row">
        <h2>{name}</h2>
        <StateBadge state={part.state} />
        <span class="muted">
          since <Ago at={part.since} />
        </span>
        <a class="end" href={`/tools?of=${encodeURIComponent(name)}`}>
          {number(Number(tools ?? 0))} {Number(tools ?? 0) === 1 ? 'tool' : 'tools'}
        </a>
      </div>
      {config?.description && <p class="muted">{config.description}</p>}
      {part.reason && <p class="reason">{part.reason}</p>}
      <Facts of={facts} />
      {part.before.some(({ state: was }) => was !== 'starting') && (
        <details>
          <summary>Earlier states</summary>
          <ul class="plain">
            {part.before.map((each) => (
              <li key={each.at}>
                <StateBadge state={each.state} /> from <Ago at={each.at} />
                {each.reason && <span class="muted">: {each.reason}</span>}
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}
