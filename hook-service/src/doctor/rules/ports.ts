import type { Rule } from '../rule';
import { itemsOf, textOf } from '../yaml-source';

/** An inner service with a port on every address of the host. */
export const ports: Rule = {
  ids: ['K73'],
  level: 'warning',
  title: 'An inner service is open on the host',
  why: 'Databases and MCP servers check no key: whoever reaches the port uses them past LiteLLM.',
  *find(context) {
    for (const service of context.services) {
      if (service.isLiteLLM || /grafana|open-webui|nginx/.test(service.image)) continue;
      for (const port of itemsOf(service.get('ports')?.value)) {
        const text =
          port.kind === 'map'
            ? undefined
            : (textOf(port) ?? String(port.kind === 'scalar' ? port.value : ''));
        const address =
          port.kind === 'map'
            ? textOf(port.entries.get('host_ip')?.value)
            : /^(\[?[\d.:a-f]*\]?|\$\{\w+\}):\d*:?/.exec(text ?? '')?.[1];
        const isLocal = /^(?:127\.|\[?::1)/.test(address ?? '') || /^127\./.test(text ?? '');
        if (!isLocal)
          yield {
            at: port.at,
            message: `${service.name} publishes ${text ?? 'a port'} to the whole network`,
            change: ['take ports: out; for a closer look "127.0.0.1:48010:48010"'],
          };
      }
    }
  },
};
