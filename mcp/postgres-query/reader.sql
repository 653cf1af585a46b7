-- Makes the role of mcp-postgres-query, or sets it right: it may log in and read, and nothing else. Safe to run twice.
--
--   MCP_READER_PASSWORD=… psql -X -v ON_ERROR_STOP=1 -d postgres -f reader.sql
--
-- As a superuser, with psql 15 or newer. -v role=name for another name than mcp_reader. It may read all tables of all databases;
-- for some databases only, say so in each: REVOKE CONNECT ON DATABASE … FROM PUBLIC.
\getenv password MCP_READER_PASSWORD
\if :{?password}
\else
  \warn 'MCP_READER_PASSWORD is not set.'
  SELECT 1 / 0 AS "MCP_READER_PASSWORD is not set";
\endif
\if :{?role}
\else
  \set role mcp_reader
\endif

BEGIN;
SET LOCAL password_encryption = 'scram-sha-256';
-- The statement with the password stays out of the log of the database.
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  CONNECTION LIMIT 40 PASSWORD :'password';
-- A session that turns the first one off still has no right to write.
ALTER ROLE :"role" SET default_transaction_read_only = on;
ALTER ROLE :"role" SET statement_timeout = '60s';
ALTER ROLE :"role" SET idle_in_transaction_session_timeout = '60s';
GRANT pg_read_all_data TO :"role";
COMMIT;
