import type { Rule } from '../rule';
import { namesOf, variablesOf } from '../compose';
import { itemsOf, textOf, type YamlSource } from '../yaml-source';
import type { ComposeService } from '../compose';

/** host.docker.internal on Linux, without the entry that makes it known. */
export const hostGateway: Rule = {
  ids: ['K42'],
  level: 'error',
  title: 'host.docker.internal is not known on Linux by itself',
  why: 'The name does not resolve inside the container.',
  mends: true,
  *find(context) {
    const mounts = (service: ComposeService) =>
      itemsOf(service.get('volumes')?.value).some((volume) => /config\.ya?ml/.test(textOf(volume) ?? ''));
    const isInConfig = context.config.some((source: YamlSource) =>
      [...source.places()].some(({ value }) => /host\.docker\.internal/.test(textOf(value) ?? '')),
    );
    for (const service of context.services.filter((each) => each.isWhole)) {
      const entries = service.get('extra_hosts')?.value;
      const hosts = [...itemsOf(entries).map((item) => textOf(item) ?? ''), ...namesOf(entries)];
      if (hosts.some((each) => each.startsWith('host.docker.internal'))) continue;
      const named = variablesOf(service, context.envFiles).find(({ value }) =>
        value.includes('host.docker.internal'),
      );
      if (!named && !(isInConfig && mounts(service))) continue;
      const line = 'extra_hosts: ["host.docker.internal:host-gateway"]';
      const edits = entries === undefined ? service.source.insertInside(service.at, [line]) : [];
      yield {
        at: named?.at ?? service.at,
        message: `${service.name} uses host.docker.internal and has no extra_hosts`,
        change: [line],
        ...(edits.length > 0 ? { fix: { edits } } : {}),
      };
    }
  },
};
