import type { Rule } from '../rule';

/** The first version of compose. */
export const composeCommand: Rule = {
  ids: ['K69'],
  level: 'warning',
  title: 'docker-compose is version 1',
  why: 'It is no longer maintained, names containers differently, and does not read newer files.',
  mends: true,
  *find(context) {
    for (const script of context.scripts)
      for (const { at } of script.matches(
        /(?<![\w./-])docker-compose(?=\s+(?:-|up|down|pull|ps|logs|restart|exec|run|build|config|stop|start))/g,
      ))
        yield {
          at,
          message: 'docker-compose (v1) is called',
          change: ['docker compose'],
          fix: { edits: [script.replace(at, 'docker-compose'.length, 'docker compose')] },
        };
  },
};
