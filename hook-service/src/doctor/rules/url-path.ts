import type { Rule } from '../rule';
import { writtenServers } from '../servers';

/** An address of a server without a path. */
export const urlPath: Rule = {
  ids: ['K28'],
  level: 'error',
  title: 'The address of an MCP server has no path',
  why: 'Servers answer 404 at the root, so no tool is found.',
  *find(context) {
    for (const server of writtenServers(context)) {
      const value = server.get('url')?.value;
      const url = server.text('url') ?? '';
      if (value === undefined || !/^https?:\/\/[^/?#]+\/?$/.test(url)) continue;
      const path = server.text('transport') === 'sse' ? '/sse' : '/mcp';
      const right = url.replace(/\/?$/, path);
      yield { at: value.at, message: `${server.name} has no path in its url`, change: [`url: ${right}`] };
    }
  },
};
