-- What pg-capture needs, and a table to try it with. Runs once, when the database is made.
CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'secret';
CREATE TABLE users (id bigserial PRIMARY KEY, name text, email text, created_at timestamptz DEFAULT now());
CREATE PUBLICATION pg_replicate_kafka_pub FOR ALL TABLES;
