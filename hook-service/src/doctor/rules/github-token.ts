import type { Rule } from '../rule';
import { writtenServers } from '../servers';

/** The token of the GitHub server under a name that it does not read. */
export const githubToken: Rule = {
  ids: ['K29'],
  level: 'error',
  title: 'The GitHub server does not read GITHUB_TOKEN',
  why: 'It starts without a token and fails at the first call.',
  mends: true,
  *find(context) {
    const right = 'GITHUB_PERSONAL_ACCESS_TOKEN';
    for (const server of writtenServers(context)) {
      const token = server.env.get('GITHUB_TOKEN');
      const isGithub = server.words.some(({ text }) => /server-github|github-mcp-server/.test(text));
      if (token === undefined || !isGithub || server.env.has(right)) continue;
      const edits = context.yaml(token.at.file)?.replaceScalar(token.at, right) ?? [];
      yield {
        at: token.at,
        message: `${server.name} reads ${right}`,
        change: [`${right}: os.environ/GITHUB_TOKEN`],
        fix: { edits },
      };
    }
    for (const service of context.services) {
      if (
        !/github-mcp-server|server-github/.test(
          `${service.image} ${service.words.map(({ text }) => text).join(' ')}`,
        )
      )
        continue;
      const names = service.environment.map(({ name }) => name);
      for (const { name, at } of service.environment)
        if (name === 'GITHUB_TOKEN' && !names.includes(right))
          yield { at, message: `${service.name} reads ${right}`, change: [`${right}: …`] };
    }
  },
};
