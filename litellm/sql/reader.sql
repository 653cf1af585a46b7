-- A role for an MCP server that asks PostgreSQL: it may connect to one database and read there. Run as an administrator
-- of that database, as often as wanted, and again after a schema was added:
--
--   READER_PASSWORD=… psql -X -v ON_ERROR_STOP=1 -d planka -f reader.sql
--
-- READER_ROLE names another role than mcp_reader; one for each server is best. READER_SCHEMAS lists schemas, separated by
-- commas (all that are not PostgreSQL's own). In these schemas it takes from PUBLIC the right to make tables, which
-- PostgreSQL itself has given to nobody since 15. psql has to be 15 or newer.
\set ON_ERROR_STOP on
\set role mcp_reader
\set schemas ''
\getenv role READER_ROLE
\getenv password READER_PASSWORD
\getenv schemas READER_SCHEMAS
\if :{?password}
\else
  DO $$ BEGIN RAISE EXCEPTION 'READER_PASSWORD is not set'; END $$;
\endif
SELECT current_database() AS name \gset

-- The password must not come into the server's log, which only a superuser can prevent.
SELECT set_config(name, value, false)
  FROM (VALUES ('log_statement', 'none'), ('log_min_error_statement', 'panic'), ('log_min_duration_statement', '-1')) AS s (name, value)
 WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \g /dev/null
SET password_encryption = 'scram-sha-256';

SELECT format('CREATE ROLE %I', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
-- Transactions that may write have to be asked for, idle ones end, and no query runs for ever.
SELECT format('ALTER ROLE %I WITH LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20 PASSWORD %L',
              :'role', :'password') \gexec
ALTER ROLE :"role" SET default_transaction_read_only = on;
ALTER ROLE :"role" SET statement_timeout = '60s';
ALTER ROLE :"role" SET idle_in_transaction_session_timeout = '60s';

-- What it may not have, whatever was granted before: other roles, tables of its own, everything but SELECT.
SELECT format('REVOKE %I FROM %I', granted.rolname, :'role')
  FROM pg_auth_members m JOIN pg_roles granted ON granted.oid = m.roleid JOIN pg_roles member ON member.oid = m.member
 WHERE member.rolname = :'role' \gexec
REVOKE ALL ON DATABASE :"name" FROM :"role";
GRANT CONNECT ON DATABASE :"name" TO :"role";

CREATE TEMPORARY TABLE chosen AS
SELECT nspname AS name FROM pg_namespace
 WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'
   AND (:'schemas' = '' OR nspname = ANY (regexp_split_to_array(:'schemas', '\s*,\s*')));

SELECT format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', name) FROM chosen \gexec
SELECT format('REVOKE ALL ON SCHEMA %I FROM %I', nspname, :'role') FROM pg_namespace
 WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema' \gexec
SELECT format('REVOKE ALL ON ALL %s IN SCHEMA %I FROM %I', kind, nspname, :'role')
  FROM pg_namespace, unnest(ARRAY['TABLES', 'SEQUENCES', 'FUNCTIONS']) AS kind
 WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema' \gexec
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', name, :'role') FROM chosen \gexec
SELECT format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', name, :'role') FROM chosen \gexec
-- Tables that their owners make later.
SELECT DISTINCT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES TO %I',
                       owner.rolname, chosen.name, :'role')
  FROM chosen JOIN pg_namespace n ON n.nspname = chosen.name
  LEFT JOIN pg_class c ON c.relnamespace = n.oid
  JOIN pg_roles owner ON owner.oid IN (n.nspowner, c.relowner)
 WHERE owner.rolname NOT LIKE 'pg\_%' AND pg_has_role(current_user, owner.oid, 'MEMBER') \gexec
