import type { Rule } from '../rule';
import { textOf } from '../yaml-source';

/** `os.environ/NAME` in a list, where LiteLLM does not look. */
export const listVariable: Rule = {
  ids: ['K31'],
  level: 'error',
  title: 'LiteLLM does not replace os.environ/… inside lists',
  why: 'The program gets the text "os.environ/NAME" in place of the value.',
  *find(context) {
    for (const source of context.config) {
      for (const { path, value } of source.places()) {
        if (path[0] !== 'mcp_servers' || typeof path.at(-1) !== 'number' || path.at(-2) === 'api_keys')
          continue;
        const name = /^os\.environ\/(\w+)$/.exec(textOf(value) ?? '')?.[1];
        if (name === undefined) continue;
        yield {
          at: value.at,
          message: `${name} is not put in here by LiteLLM`,
          change: [`env: {${name}: os.environ/${name}}, and let the program read it there`],
        };
      }
    }
  },
};
