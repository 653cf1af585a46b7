import { healthOf } from '../health';
import type { Rule } from '../rule';
import { writtenServers } from '../servers';

/** The ports a service says it listens on: flags and variables of its command. */
export const portAgreement: Rule = {
  ids: ['K72'],
  level: 'error',
  title: 'The ports of one server differ',
  why: 'LiteLLM and the health check knock where nobody listens.',
  *find(context) {
    for (const service of context.services) {
      const words = service.words.map(({ text }) => text);
      const flag = words.flatMap((text, index) =>
        /^--(?:sse-|http-)?port$/.test(text)
          ? [words[index + 1] ?? '']
          : (/^--(?:sse-|http-)?port=(\d+)$/.exec(text)?.[1] ?? []),
      )[0];
      const port =
        flag ?? service.environment.find(({ name }) => name === 'MCP_PORT' && !service.isPostgresMcp)?.value;
      if (port === undefined || !/^\d+$/.test(port)) continue;
      for (const server of writtenServers(context)) {
        const entry = server.get('url');
        const match = /^https?:\/\/([^:/]+)(?::(\d+))?/.exec(server.text('url') ?? '');
        if (entry && match?.[1] === service.name && (match[2] ?? '80') !== port)
          yield {
            at: entry.value.at,
            message: `${server.name} is asked at port ${match[2] ?? '80'}, and ${service.name} listens on ${port}`,
            change: [(server.text('url') ?? '').replace(/^(https?:\/\/[^:/]+)(?::\d+)?/, `$1:${port}`)],
          };
      }
      const health = healthOf(service);
      const checked = health && /(?:127\.0\.0\.1|localhost)'?"?[:,]\s*(\d+)/.exec(health.text)?.[1];
      if (health && checked !== undefined && checked !== port)
        yield {
          at: health.testAt,
          message: `the health check of ${service.name} asks port ${checked}, and it listens on ${port}`,
          change: [`port ${port}`],
        };
    }
  },
};
