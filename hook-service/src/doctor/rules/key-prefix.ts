import type { Rule } from '../rule';
import { itemsOf, textOf } from '../yaml-source';
import { writtenServers } from '../servers';

const keyName = /^(?:LITELLM_MASTER_KEY|LITELLM_API_KEY|\w*VIRTUAL_KEY|LITELLM_\w*KEY)$/;

/** A LiteLLM key that does not begin with sk-. */
export const keyPrefix: Rule = {
  ids: ['K19'],
  level: 'error',
  title: 'Keys of LiteLLM begin with sk-',
  why: 'LiteLLM refuses every other key before it looks it up.',
  *find(context) {
    for (const { variables } of context.envFiles) {
      for (const { name, value, valueAt } of variables) {
        if (name === 'LITELLM_SALT_KEY' || !keyName.test(name) || value === '' || /^(?:sk-|\$)/.test(value))
          continue;
        yield { at: valueAt, message: `${name} does not begin with sk-`, change: [`${name}=sk-…`] };
      }
    }
    for (const server of writtenServers(context)) {
      for (const item of itemsOf(server.get('api_keys')?.value)) {
        const key = textOf(item) ?? '';
        if (/^(?:sk-|os\.environ\/|\$\{|[0-9a-f]{64}$)/i.test(key)) continue;
        yield {
          at: item.at,
          message: `a key of ${server.name} does not begin with sk-`,
          change: ['os.environ/NAME, with a key that begins with sk-'],
        };
      }
    }
  },
};
