import { variablesOf } from '../compose';
import type { Rule } from '../rule';
import { runsInContainer, writtenServers } from '../servers';

const local = /(?:\/\/|@)(?:localhost|127\.0\.0\.1)(?=[:/]|$)/;
const host = /^(?:localhost|127\.0\.0\.1)$/;
const hostName = /HOST(?:NAME)?$/;
/** Where a program listens, not where it finds another. */
const listens = /^(?:TOOLTURN_HOST|MCP_HOST|LISTEN_HOST|BIND_\w+|HOST)$/;

/** localhost inside a container. */
export const localhost: Rule = {
  ids: ['K41'],
  level: 'error',
  title: 'localhost inside a container is that container',
  why: 'The connection is refused, whatever listens on the host.',
  *find(context) {
    const change = ['the service name on litellm-mcp-net, or host.docker.internal with extra_hosts'];
    if (runsInContainer(context)) {
      for (const server of writtenServers(context)) {
        const values = [...(server.get('url') ? [['url', server.get('url')] as const] : []), ...server.env];
        for (const [name, entry] of values) {
          const text = entry?.value.kind === 'scalar' ? String(entry.value.value) : '';
          if (entry && (local.test(text) || (hostName.test(name) && host.test(text))))
            yield { at: entry.value.at, message: `${name} of ${server.name} names localhost`, change };
        }
      }
    }
    for (const service of context.services) {
      for (const { name, value, at } of variablesOf(service, context.envFiles))
        if (local.test(value) || (hostName.test(name) && host.test(value) && !listens.test(name)))
          yield { at, message: `${name} of ${service.name} names localhost`, change };
    }
  },
};
