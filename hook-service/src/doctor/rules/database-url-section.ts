import { movedToGeneral } from '../moved-entry';
import type { Rule } from '../rule';
import { entriesOf } from '../yaml-source';

/** `database_url` under litellm_settings. */
export const databaseUrlSection: Rule = {
  ids: ['K21'],
  level: 'warning',
  title: 'database_url stands in the wrong section',
  why: 'It works only as long as the variable DATABASE_URL happens to be set too.',
  mends: true,
  *find(context) {
    const entry = entriesOf(context.section('litellm_settings')?.value).get('database_url');
    if (entry === undefined) return;
    const fix = movedToGeneral(context, 'database_url', entry);
    yield {
      at: entry.at,
      message: 'database_url is read under general_settings only',
      change: ['general_settings:', '  database_url: os.environ/DATABASE_URL'],
      ...(fix ? { fix } : {}),
    };
  },
};
