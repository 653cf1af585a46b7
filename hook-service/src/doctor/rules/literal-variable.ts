import type { Rule } from '../rule';

const whole = /^\$\{(\w+)\}$/;

/** `${NAME}` in LiteLLM's config, which stays as it is. */
export const literalVariable: Rule = {
  ids: ['K1', 'K30', 'K35'],
  level: 'error',
  title: '${NAME} is not replaced in LiteLLM’s config',
  why: 'LiteLLM takes the text as it stands; as master key, everybody who reads the file is administrator.',
  mends: true,
  *find(context) {
    for (const source of context.config) {
      for (const { path, value } of source.places()) {
        if (path[0] === 'toolturn' || value.kind !== 'scalar' || typeof value.value !== 'string') continue;
        const name = /\$\{(\w+)[^}]*\}/.exec(value.value)?.[1];
        if (name === undefined) continue;
        const isMaster = path.at(-1) === 'master_key';
        const isInList = typeof path.at(-1) === 'number' && path.at(-2) !== 'api_keys';
        const right = `os.environ/${name}`;
        const isWhole = whole.test(value.value) && !isInList;
        const id = isMaster ? 'K1' : path.includes('env') ? 'K30' : 'K35';
        yield {
          id,
          ...(isMaster ? { level: 'security' as const } : {}),
          at: value.at,
          message: `"\${${name}}" is not expanded by LiteLLM${isMaster ? ': this very text is the master key' : ''}`,
          change: isWhole ? [right] : [`give the whole value by a variable: os.environ/${name}`],
          ...(isWhole ? { fix: { edits: source.replaceScalar(value.at, right) } } : {}),
        };
      }
    }
  },
};
