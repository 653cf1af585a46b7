import type { Rule } from '../rule';

/** Networks that scripts join or make by hand. */
export const scriptNetworks: Rule = {
  ids: ['K59', 'K61'],
  level: 'error',
  title: 'A script handles networks in a way that does not last',
  why: 'What is connected by hand is lost when the container is made anew; creating a network fails the second time.',
  *find(context) {
    for (const script of context.scripts) {
      for (const { at } of script.matches(/docker network connect\b/g))
        yield {
          at,
          message: 'docker network connect does not survive a new container',
          change: ['networks: [litellm-mcp-net] in the compose file of the service'],
        };
      for (const { at, line } of script.matches(/docker network create\b/g)) {
        const before = script.lines.slice(Math.max(0, at.line - 3), at.line).join('\n');
        if (!/inspect|network ls|\|\| (?:true|:)/.test(`${before}\n${line}`))
          yield {
            id: 'K61',
            level: 'warning',
            at,
            message: 'docker network create fails where the network is there already',
            change: [
              'docker network inspect litellm-mcp-net >/dev/null 2>&1 || docker network create litellm-mcp-net',
            ],
          };
      }
    }
  },
};
