/**
 * The extension is in no package archive, so a schema stands in for it: its catalog entry, its public views with the
 * columns that its reference documents, and its functions. PostgreSQL, the tables and the rows are real.
 */
const extension = `
  CREATE TABLE readings (time timestamptz NOT NULL, "Sensor" text, value float8);
  INSERT INTO readings SELECT now() - make_interval(mins => i), 'a', i FROM generate_series(1, 120) AS i;
  CREATE SCHEMA timescaledb_information;
  CREATE VIEW timescaledb_information.hypertables AS
    SELECT 'public'::name AS hypertable_schema, 'readings'::name AS hypertable_name, 1 AS num_dimensions,
           2 AS num_chunks, false AS compression_enabled;
  CREATE VIEW timescaledb_information.dimensions AS
    SELECT 'public'::name AS hypertable_schema, 'readings'::name AS hypertable_name, 1 AS dimension_number,
           'time'::name AS column_name, 'Time' AS dimension_type, interval '7 days' AS time_interval,
           NULL::int AS num_partitions;
  CREATE VIEW timescaledb_information.chunks AS
    SELECT 'public'::name AS hypertable_schema, 'readings'::name AS hypertable_name, '_chunks'::name AS chunk_schema,
           '_hyper_1_' || i AS chunk_name, now() - make_interval(days => 7 * i) AS range_start,
           now() AS range_end, false AS is_compressed FROM generate_series(1, 2) AS i;
  CREATE VIEW timescaledb_information.continuous_aggregates AS
    SELECT 'public'::name AS view_schema, 'hourly'::name AS view_name, 'public'::name AS hypertable_schema,
           'readings'::name AS hypertable_name, true AS materialized_only, 'SELECT 1' AS view_definition;
  CREATE VIEW timescaledb_information.jobs AS
    SELECT 1000 AS job_id, 'Retention Policy [1000]' AS application_name, 'readings'::name AS hypertable_name,
           interval '1 day' AS schedule_interval;
  CREATE VIEW timescaledb_information.job_stats AS
    SELECT 1000 AS job_id, 'Success' AS last_run_status, now() AS last_run_started_at, now() AS next_start,
           0::bigint AS total_failures;
  CREATE FUNCTION hypertable_size(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT pg_total_relation_size($1)';
  CREATE FUNCTION hypertable_compression_stats(regclass) RETURNS TABLE (total_chunks bigint,
    number_compressed_chunks bigint, before_compression_total_bytes bigint, after_compression_total_bytes bigint)
    LANGUAGE sql AS 'SELECT 2::bigint, 1::bigint, 8192::bigint, 1024::bigint';
  CREATE FUNCTION time_bucket(interval, timestamptz) RETURNS timestamptz LANGUAGE sql AS
    'SELECT date_bin($1, $2, timestamptz ''2000-01-03'')';
  CREATE TABLE made (relation regclass, column_name name, step interval);
  CREATE FUNCTION create_hypertable(relation regclass, time_column_name name, chunk_time_interval interval)
    RETURNS TABLE (hypertable_id int, created boolean) LANGUAGE sql AS
    'INSERT INTO made VALUES ($1, $2, $3); SELECT 1, true';
  CREATE TABLE "Odd; name" ("when" timestamptz);`;
// The catalog of extensions takes a row from its owner where system tables may be changed.
const registered = `SET allow_system_table_mods = on;
  INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  VALUES (99999, 'timescaledb', 10, 2200, false, '2.17.2')`;

/** SQL that makes a database look as if it had the extension, with two hours of readings. */
export const timescale = `${extension} ${registered}`;
