import { variablesOf } from '../compose';
import type { Rule } from '../rule';
import { writtenServers } from '../servers';

/** A service that names another one which it cannot reach. */
export const unsharedNetwork: Rule = {
  ids: ['K60'],
  level: 'error',
  title: 'Two services that need each other share no network',
  why: 'The name does not resolve, or the connection is refused.',
  *find(context) {
    const { services } = context;
    const onNone = (name: string) => services.find((each) => each.name === name)?.networks ?? [];
    for (const service of services) {
      for (const { name, value, at } of variablesOf(service, context.envFiles)) {
        const host =
          /(?:\/\/|@)([A-Za-z][\w-]*)(?=[:/]|$)/.exec(value)?.[1] ?? (/HOST$/.test(name) ? value : undefined);
        const other = services.find((each) => each.name === host && each.isWhole);
        if (other === undefined || other === service || !service.isWhole) continue;
        if (other.source === service.source && other.networks.length + service.networks.length === 0)
          continue;
        if (other.networks.some((network) => service.networks.includes(network))) continue;
        yield {
          at,
          message: `${service.name} names ${other.name}, which is on ${other.networks.join(', ') || 'the default network of its file'}`,
          change: [`networks: [${[...service.networks, ...other.networks].join(', ')}]`],
        };
      }
    }
    const litellm = services.find((each) => each.isLiteLLM && each.isWhole);
    if (litellm === undefined) return;
    for (const server of writtenServers(context)) {
      const host = /^https?:\/\/([^:/]+)/.exec(server.text('url') ?? '')?.[1] ?? '';
      const other = services.find((each) => each.name === host);
      const entry = server.get('url');
      if (
        !other ||
        !entry ||
        onNone(host).some((network) => litellm.networks.includes(network)) ||
        (other.source === litellm.source && other.networks.length + litellm.networks.length === 0)
      )
        continue;
      yield {
        at: entry.value.at,
        message: `${host} is not on a network of LiteLLM`,
        change: [`networks: [${litellm.networks.join(', ')}] in the service ${host}`],
      };
    }
  },
};
