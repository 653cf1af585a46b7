-- LiteLLM's database on a PostgreSQL that is there already. Run as an administrator, as often as wanted, with psql 15 or newer:
--
--   LITELLM_DB_PASSWORD=… psql -X -v ON_ERROR_STOP=1 -f litellm.sql
--
-- Afterwards the role owns its database, can make nothing outside of it, and nobody else can connect to it. LITELLM_DB_NAME and
-- LITELLM_DB_USER name others than litellm_db and litellm_user.
\set ON_ERROR_STOP on
\set name litellm_db
\set role litellm_user
\getenv name LITELLM_DB_NAME
\getenv role LITELLM_DB_USER
\getenv password LITELLM_DB_PASSWORD
\if :{?password}
\else
  DO $$ BEGIN RAISE EXCEPTION 'LITELLM_DB_PASSWORD is not set'; END $$;
\endif

-- The password must not come into the server's log, which only a superuser can prevent.
SELECT set_config(name, value, false)
  FROM (VALUES ('log_statement', 'none'), ('log_min_error_statement', 'panic'), ('log_min_duration_statement', '-1')) AS s (name, value)
 WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \g /dev/null
SET password_encryption = 'scram-sha-256';

SELECT format('CREATE ROLE %I', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT format('ALTER ROLE %I WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L',
              :'role', :'password') \gexec

SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' TEMPLATE template0', :'name', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
ALTER DATABASE :"name" OWNER TO :"role";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"name" TO :"role";

\connect :"name"
-- Its own tables live here; nobody else may look in.
ALTER SCHEMA public OWNER TO :"role";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO :"role";
