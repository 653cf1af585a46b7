import { jsonTexts } from '../requests';
import type { Rule } from '../rule';

/** The administrator's key in the settings of a client. */
export const clientKey: Rule = {
  ids: ['K89'],
  level: 'security',
  title: 'A client has the master key',
  why: 'Whoever has the client’s file is administrator: every model, every key, every tool.',
  *find(context) {
    const master = context.env['LITELLM_MASTER_KEY'];
    for (const { name, text, place } of jsonTexts(context)) {
      const isMaster =
        (master !== undefined && master.length > 5 && text.includes(master)) ||
        name === 'LITELLM_MASTER_KEY' ||
        /\$\{(?:env:)?LITELLM_MASTER_KEY\}/.test(text);
      if (isMaster)
        yield {
          at: place.key ?? place.value.at,
          message: `${name} is the master key`,
          change: ['a virtual key for this client: scripts/key new'],
        };
    }
  },
};
