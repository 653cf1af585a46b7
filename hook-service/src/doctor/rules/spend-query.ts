import type { Rule } from '../rule';

/** Queries of LiteLLM's log by names that its schema does not have. */
export const spendQuery: Rule = {
  ids: ['K17'],
  level: 'error',
  title: 'LiteLLM’s database has no such table or column',
  why: 'The query fails.',
  *find(context) {
    const change = [
      'SELECT model, "user", mcp_namespaced_tool_name, "startTime" FROM "LiteLLM_SpendLogs" ORDER BY "startTime" DESC LIMIT 5',
    ];
    for (const script of context.scripts)
      for (const { at, match } of script.matches(
        /\blitellm_logs\b|request_tags\s*->\s*'tool_calls'|\bstart_time\b(?=.*SpendLogs)/gi,
      ))
        yield { at, message: `there is no ${match[0]}`, change };
  },
};
