import type { Rule } from '../rule';
import { writtenServers } from '../servers';
import { itemsOf, textOf } from '../yaml-source';

/** Docker's socket in a container, or a server that needs it. */
export const dockerSocket: Rule = {
  ids: ['K44'],
  level: 'security',
  title: 'Docker’s socket is root on the host',
  why: 'Whoever makes a tool run a command, a model for example, can take over the whole machine.',
  *find(context) {
    for (const service of context.services) {
      for (const volume of itemsOf(service.get('volumes')?.value)) {
        const text = volume.kind === 'map' ? textOf(volume.entries.get('source')?.value) : textOf(volume);
        if (/docker\.sock/.test(text ?? ''))
          yield {
            at: volume.at,
            message: `${service.name} has Docker's socket`,
            change: ['take the volume out'],
          };
      }
    }
    for (const server of writtenServers(context)) {
      const [command] = server.words;
      if (server.text('command') === 'docker' && command)
        yield {
          at: command.at,
          message: `${server.name} is started by docker, which needs the socket inside LiteLLM's container`,
          change: ['run the server as a container of its own and give its url'],
        };
    }
  },
};
