import type { Rule } from '../rule';
import { runsInContainer, writtenServers } from '../servers';
import { itemsOf, textOf } from '../yaml-source';

/** Programs and files that are not in LiteLLM's container. */
export const stdioInContainer: Rule = {
  ids: ['K43', 'K37', 'K45'],
  level: 'error',
  title: 'The program of a stdio server is not in the container',
  why: 'LiteLLM’s image has neither Node nor Docker nor the files of the host, so the server never starts.',
  *find(context) {
    if (!runsInContainer(context)) return;
    const targets = context.services
      .filter((service) => service.isLiteLLM)
      .flatMap((service) => itemsOf(service.get('volumes')?.value))
      .map((volume) => (textOf(volume) ?? '').split(':')[1] ?? '');
    const isMounted = (file: string) =>
      targets.some(
        (target) => target !== '' && (file === target || file.startsWith(`${target.replace(/\/$/, '')}/`)),
      );
    const change = [
      'run the server as a container of its own: toolturn bridge puts it on http://mcp-<name>:<port>/mcp',
    ];
    for (const server of writtenServers(context)) {
      for (const [index, { text, at }] of server.words.entries()) {
        if (server.get('command') === undefined || isMounted(text)) continue;
        if (/^\/(?:home|Users|root|opt\/projects|mnt|srv)\//.test(text))
          yield {
            id: 'K45',
            at,
            message: `${text} is a path of the host, and not mounted into LiteLLM's container`,
            change,
          };
        else if (/^\/app\//.test(text))
          yield {
            id: 'K37',
            at,
            message: `${text} is not mounted into LiteLLM's container`,
            change: ['mount the folder read-only, or take the server out'],
          };
        else if (index === 0 && /^(?:node|npx|npm|docker|bun|deno|uvx?|.*\.(?:sh|js))$/.test(text))
          yield { at, message: `"${text}" of ${server.name} is not in LiteLLM's container`, change };
      }
    }
  },
};
