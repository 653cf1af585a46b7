import { healthOf } from '../health';
import type { Rule } from '../rule';
import { writtenServers } from '../servers';

/** A health check over HTTP at a server that has none. */
export const postgresMcpHealth: Rule = {
  ids: ['K26'],
  level: 'error',
  title: 'postgres-mcp has no /health',
  why: 'It answers 404, so it counts as unhealthy for ever while it works.',
  *find(context) {
    const change = [
      'test: ["CMD", "python", "-c", "import socket; socket.create_connection((\'127.0.0.1\', 48010), 3)"]',
    ];
    const postgres = context.services.filter((each) => each.isPostgresMcp);
    for (const service of postgres) {
      const health = healthOf(service);
      if (health && /\/health\b/.test(health.text))
        yield { at: health.testAt, message: `${service.name} is asked for /health`, change };
    }
    for (const server of writtenServers(context)) {
      const entry = server.get('health_check');
      const host = /^https?:\/\/([^:/]+)/.exec(server.text('url') ?? '')?.[1];
      if (entry && postgres.some(({ name }) => name === host))
        yield {
          at: entry.at,
          message: `${server.name} is asked for a health path`,
          change: ['take health_check out: Toolturn asks by MCP'],
        };
    }
  },
};
