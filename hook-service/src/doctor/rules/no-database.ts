import type { Rule } from '../rule';
import { entriesOf } from '../yaml-source';

const needing: Readonly<Record<string, readonly string[]>> = {
  general_settings: ['store_model_in_db', 'store_prompts_in_spend_logs', 'supported_db_objects'],
  litellm_settings: [
    'default_key_generate_params',
    'upperbound_key_generate_params',
    'key_generation_settings',
    'default_internal_user_params',
    'default_team_settings',
    'max_internal_user_budget',
  ],
};

/** Settings about keys and teams, and no database to keep them in. */
export const noDatabase: Rule = {
  ids: ['K20'],
  level: 'error',
  title: 'Virtual keys need a database',
  why: 'Without one LiteLLM answers "No connected db" to /key/generate, and knows no key but the master key.',
  *find(context) {
    const general = entriesOf(context.section('general_settings')?.value);
    const hasDatabase =
      general.has('database_url') || ['DATABASE_URL', 'DATABASE_HOST'].some((name) => context.env[name]);
    if (!context.envKnown || hasDatabase) return;
    const keys = context.section('virtual_keys');
    const settings = Object.entries(needing).flatMap(([section, names]) =>
      names.flatMap((name) => entriesOf(context.section(section)?.value).get(name) ?? []),
    );
    for (const entry of [...(keys ? [keys] : []), ...settings])
      yield {
        at: entry.at,
        message: 'this needs a database, and none is set',
        change: ["DATABASE_URL=postgresql://… in LiteLLM's env file"],
      };
  },
};
