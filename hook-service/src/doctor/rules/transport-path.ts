import type { Rule } from '../rule';
import { writtenServers } from '../servers';

/** A path of one transport with the name of the other. */
export const transportPath: Rule = {
  ids: ['K47'],
  level: 'warning',
  title: 'Transport and path do not fit',
  why: 'HTTP+SSE (/sse) is the older transport, streamable HTTP (/mcp) the one since 2025-03-26; a server speaks one of them at one path.',
  *find(context) {
    for (const server of writtenServers(context)) {
      const entry = server.get('url');
      const url = server.text('url') ?? '';
      const transport = server.text('transport');
      if (entry === undefined) continue;
      if (/\/sse\/?$/.test(url) && transport !== 'sse')
        yield {
          at: server.get('transport')?.at ?? entry.at,
          message: `${server.name} ends with /sse and is ${transport === undefined ? 'taken as' : 'called'} http`,
          change: ['transport: sse'],
        };
      if (/\/mcp\/?$/.test(url) && transport === 'sse')
        yield {
          at: server.get('transport')?.at ?? entry.at,
          message: `${server.name} ends with /mcp and is called sse`,
          change: ['transport: http'],
        };
    }
  },
};
