import { didYouMean } from '../../config/suggest';
import type { Rule } from '../rule';

/** All that LiteLLM 1.77.3 and newer read at the top of the file, and our own. */
const known = [
  'model_list',
  'litellm_settings',
  'general_settings',
  'router_settings',
  'environment_variables',
  'guardrails',
  'mcp_servers',
  'mcp_tools',
  'include',
  'callback_settings',
  'files_settings',
  'finetune_settings',
  'assistant_settings',
  'credential_list',
  'default_vertex_config',
  'prompts',
  'vector_store_registry',
  'search_tools',
  'agent_list',
  'cost_discount_config',
  'toolturn',
];

/** A section at the top that nobody reads. */
export const unknownSection: Rule = {
  ids: ['K4', 'K39'],
  level: 'error',
  title: 'Nobody reads this section',
  why: 'What stands in it has no effect, and nothing says so.',
  *find(context) {
    for (const source of context.config) {
      for (const [name, entry] of source.top) {
        // Both have rules of their own; names that begin so are anchors of people.
        if (known.includes(name) || name === 'mcp_aliases' || name === 'master_key' || name.startsWith('x-'))
          continue;
        yield {
          id: name === 'virtual_keys' ? 'K4' : 'K39',
          at: entry.at,
          message: `LiteLLM has no section "${name}"${didYouMean(name, known)}`,
          change: [
            name === 'virtual_keys'
              ? 'make keys with /key/generate (scripts/key new); they need a database'
              : name === 'function_calling'
                ? 'take it out: servers stand in mcp_servers, and Toolturn offers their tools'
                : 'take it out, or give it the name that was meant',
          ],
        };
      }
    }
  },
};
