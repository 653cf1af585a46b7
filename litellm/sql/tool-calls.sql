-- Who asked which model when, and which tools it called: LiteLLM's own log of requests, newest first. Run as a role that
-- may read LiteLLM's database, which changes nothing there:
--
--   psql -X -h <server> -U litellm_user -d litellm_db -f tool-calls.sql
--
-- A turn of Toolturn is one row for each round. What a model called stands in the response, which LiteLLM keeps only with
-- `general_settings: store_prompts_in_spend_logs: true`, and with it what people wrote; calls through LiteLLM's own /mcp/
-- have their tool without it. Of several calls in one streamed answer of generateContent LiteLLM keeps the last. Toolturn's
-- audit trail has every call, with its outcome, and no texts (docs/audit.md).
-- SINCE is how far back to look (1 day), ROWS how many rows to show (100). psql has to be 15 or newer.
\set ON_ERROR_STOP on
\set since '1 day'
\set rows 100
\getenv since SINCE
\getenv rows ROWS
SELECT to_char(log."startTime", 'YYYY-MM-DD HH24:MI:SS') AS "time (UTC)",
       coalesce(nullif(log.model_group, ''), nullif(log.model, '')) AS model,
       coalesce(nullif(log."user", ''), nullif(log.end_user, '')) AS "user",
       log.metadata ->> 'user_api_key_alias' AS key,
       coalesce(nullif(log.mcp_namespaced_tool_name, ''), called.tools) AS tools,
       log.status,
       log.total_tokens AS tokens,
       log.spend,
       log.request_id AS request
  FROM "LiteLLM_SpendLogs" AS log
 CROSS JOIN LATERAL (
       SELECT string_agg(name #>> '{}', ', ') AS tools
         FROM (SELECT jsonb_path_query(log.response, '$.choices[*].message.tool_calls[*].function.name')
               UNION ALL
               SELECT jsonb_path_query(log.response, '$.output[*] ? (@.type == "function_call").name')) AS calls (name)
       ) AS called
 WHERE log."startTime" > now() AT TIME ZONE 'UTC' - (:'since')::interval
 ORDER BY log."startTime" DESC, log."endTime" DESC
 LIMIT :rows;
