import type { Rule } from '../rule';

/** Settings that postgres-mcp does not have. */
export const postgresMcpFlags: Rule = {
  ids: ['K25'],
  level: 'error',
  title: 'postgres-mcp is set by flags, not by these variables',
  why: 'It stays on stdio, finds no client and ends; the container restarts for ever.',
  *find(context) {
    for (const service of context.services.filter((each) => each.isPostgresMcp)) {
      const hasTransport = service.words.some(({ text }) => text.startsWith('--transport'));
      for (const { name, at } of service.environment)
        if (/^MCP_(?:TRANSPORT|PORT)$/.test(name) && !hasTransport)
          yield {
            at,
            message: `${name} has no effect on ${service.name}`,
            change: ['command: ["--transport", "sse", "--sse-host", "0.0.0.0", "--sse-port", "48010"]'],
          };
    }
  },
};
