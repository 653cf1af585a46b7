import type { Rule } from '../rule';

/** Tools and servers asked for where LiteLLM does not list them, and services asked for from outside their network. */
export const scriptEndpoints: Rule = {
  ids: ['K15', 'K16', 'K54'],
  level: 'error',
  title: 'A script asks at an address that has no answer',
  why: 'The check fails, or passes, whatever the state of the stack is.',
  *find(context) {
    for (const script of context.scripts) {
      for (const { at, line } of script.matches(/\/v1\/models\b/g)) {
        if (/mcp_servers/.test(line))
          yield { id: 'K16', at, message: '/v1/models has no mcp_servers', change: ['/v1/mcp/server'] };
        else if (/\.tools\b|"tools"/.test(line))
          yield {
            at,
            message: '/v1/models has no tools',
            change: ['/v1/tools of hook-service, or LiteLLM’s /mcp-rest/tools/list'],
          };
      }
      for (const { at, line } of script.matches(/https?:\/\/((?:mcp|tool)-[\w-]+)(?=[:/])/g))
        if (/\b(?:curl|wget)\b/.test(line) && !/docker (?:compose )?(?:exec|run)/.test(line))
          yield {
            id: 'K54',
            at,
            message: 'the name of a service is known inside its network only',
            change: ['docker compose exec hook-service …, or a port on 127.0.0.1'],
          };
    }
  },
};
