import { writtenServers } from '../servers';
import type { Rule } from '../rule';

/** A number, or a yes, in `env:`. */
export const envNumber: Rule = {
  ids: ['K32'],
  level: 'error',
  title: 'Values of env: and headers must be text',
  why: 'LiteLLM refuses the whole server when it loads the config.',
  mends: true,
  *find(context) {
    for (const server of writtenServers(context)) {
      for (const key of ['env', 'headers', 'static_headers']) {
        const map = server.get(key)?.value;
        if (map?.kind !== 'map') continue;
        for (const [name, { value }] of map.entries) {
          if (value.kind !== 'scalar' || value.value === null || typeof value.value === 'string') continue;
          const source = context.yaml(value.at.file);
          const written = source?.scalarSource(value.at) ?? String(value.value);
          yield {
            at: value.at,
            message: `${name} of ${server.name} is no text`,
            change: [`${name}: "${written}"`],
            fix: { edits: source?.replaceScalar(value.at, `"${written}"`) ?? [] },
          };
        }
      }
    }
  },
};
