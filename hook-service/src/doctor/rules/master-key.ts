import { topOf } from '../servers';
import { movedToGeneral } from '../moved-entry';
import type { Rule } from '../rule';
import { entriesOf, textOf } from '../yaml-source';

const right = ['general_settings:', '  master_key: os.environ/LITELLM_MASTER_KEY'];

/** No master key, one in the wrong section, or one of a variable that is not set. */
export const masterKey: Rule = {
  ids: ['K2', 'K84'],
  level: 'security',
  title: 'There is no effective master key',
  why: 'Without one LiteLLM serves everybody who can reach its port, and everybody is administrator.',
  mends: true,
  *find(context) {
    const [main] = context.config;
    if (main === undefined || main.top.size === 0) return;
    const general = context.section('general_settings');
    const settings = entriesOf(general?.value);
    const misplaced =
      entriesOf(context.section('litellm_settings')?.value).get('master_key') ?? main.get('master_key');
    if (misplaced !== undefined) {
      const fix = movedToGeneral(context, 'master_key', misplaced);
      const message = 'master_key is read under general_settings only';
      yield { at: misplaced.at, message, change: right, ...(fix ? { fix } : {}) };
    }
    if (settings.has('custom_auth')) return;
    const key = settings.get('master_key');
    if (key === undefined) {
      const hasDefault = Boolean(context.env['LITELLM_MASTER_KEY']);
      if (misplaced === undefined && !hasDefault) {
        const holder = general && context.yaml(general.at.file);
        const edits =
          general === undefined
            ? [main.append(right)]
            : (holder?.insertInside(
                general.at,
                right.slice(1).map((line) => line.trim()),
              ) ?? []);
        yield {
          at: general?.at ?? topOf(main.file),
          message: 'no general_settings.master_key, and no LITELLM_MASTER_KEY is known: the proxy is open',
          change: right,
          ...(edits.length > 0 ? { fix: { edits } } : {}),
        };
      }
      return;
    }
    const written = textOf(key.value) ?? '';
    const variable = /^os\.environ\/(\w+)$/.exec(written)?.[1];
    if (variable !== undefined && context.envKnown && !context.env[variable]) {
      yield {
        at: key.value.at,
        message: `the master key comes from ${variable}, which is not set or empty: the proxy is open`,
        change: [`set ${variable} in LiteLLM's env file, to a text that begins with sk-`],
      };
    } else if (written === '') {
      yield { at: key.at, message: 'the master key is empty: the proxy is open', change: right.slice(1) };
    }
  },
};
