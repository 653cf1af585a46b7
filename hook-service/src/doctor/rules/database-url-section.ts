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
    const source = context.yaml(entry.at.file);
    const general = context.section('general_settings');
    const settings = entriesOf(general?.value);
    const line = `database_url: ${source?.scalarSource(entry.value.at) ?? 'os.environ/DATABASE_URL'}`;
    const insert = settings.has('database_url')
      ? []
      : general === undefined
        ? source
          ? [source.append(['general_settings:', `  ${line}`])]
          : []
        : (source?.insertInside(general.at, [line]) ?? []);
    const isDone = insert.length > 0 || settings.has('database_url');
    yield {
      at: entry.at,
      message: 'database_url is read under general_settings only',
      change: ['general_settings:', '  database_url: os.environ/DATABASE_URL'],
      ...(isDone ? { fix: { edits: [...(source?.removeEntry(entry.at) ?? []), ...insert] } } : {}),
    };
  },
};
