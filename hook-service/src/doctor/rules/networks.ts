import type { Rule } from '../rule';
import { entriesOf, textOf } from '../yaml-source';

const shared = /^(?:litellm[-_]mcp[-_]net|mcp[-_](?:tools|net|network))$/;

/** The shared network, declared so that it is another one. */
export const networks: Rule = {
  ids: ['K58', 'K71'],
  level: 'error',
  title: 'The shared network is not the shared one',
  why: 'Compose makes <project>_<name>, a second network: LiteLLM and the server never meet.',
  *find(context) {
    const right = ['litellm-mcp-net:', '  name: litellm-mcp-net', '  external: true'];
    for (const source of context.compose) {
      for (const [key, entry] of entriesOf(source.get('networks')?.value)) {
        const settings = entriesOf(entry.value);
        const name = textOf(settings.get('name')?.value);
        if (!shared.test(name ?? key)) continue;
        const external = settings.get('external')?.value;
        const isExternal =
          external?.kind === 'map' || (external?.kind === 'scalar' && external.value === true);
        if ((name ?? key) !== 'litellm-mcp-net')
          yield {
            id: 'K71',
            level: 'warning',
            at: entry.at,
            message: `the network is called ${name ?? key}; everything else is on litellm-mcp-net`,
            change: right,
          };
        else if (!isExternal || name === undefined)
          yield {
            at: entry.at,
            message: `${key} is ${isExternal ? 'without a name:' : 'not external'}`,
            change: right,
          };
      }
    }
  },
};
