-- What the golden streams are recorded from. A paragraph is one transaction; one that begins with "-- since N" is
-- left out on older majors.

-- setup: not captured, the slot is made after it
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE address AS (street text, no int, tags text[]);
CREATE TYPE person AS (name text, home address, moods mood[]);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN positives AS positive[];
CREATE DOMAIN at_home AS address;
CREATE TYPE float_range AS RANGE (subtype = float8);
CREATE TABLE numbers (id bigint PRIMARY KEY, i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8, n numeric, m money, b bool);
CREATE TABLE texts (id int PRIMARY KEY, t text, v varchar(20), c char(6), n name, ch "char", ci citext, x xml, u uuid, j json, jb jsonb, by bytea);
CREATE TABLE times (id int PRIMARY KEY, tz timestamptz, ts timestamp, d date, t time, ttz timetz, iv interval);
CREATE TABLE others (id int PRIMARY KEY, ip inet, net cidr, mac macaddr, mac8 macaddr8, bits bit(5), vb varbit, tsv tsvector, tsq tsquery, p point, bx box, lsn pg_lsn, rc regclass, i2v int2vector, h hstore);
CREATE TABLE arrays (id int PRIMARY KEY, i int[], t text[], n numeric[], ts timestamptz[], bx box[], by bytea[], j jsonb[], md mood[]);
CREATE TABLE nested (id int PRIMARY KEY, p person, ps person[], pos positive, poss positives, home at_home, r int4range, mr datemultirange, fr float_range, rs numrange[], hs hstore[]);
CREATE TABLE toasted (id int PRIMARY KEY, name text, big text, small text);
ALTER TABLE toasted ALTER big SET STORAGE EXTERNAL;
CREATE TABLE toasted_full (id int PRIMARY KEY, name text, big text);
ALTER TABLE toasted_full ALTER big SET STORAGE EXTERNAL;
ALTER TABLE toasted_full REPLICA IDENTITY FULL;
CREATE TABLE identity_index (id int PRIMARY KEY, code text NOT NULL UNIQUE, note text);
ALTER TABLE identity_index REPLICA IDENTITY USING INDEX identity_index_code_key;
CREATE TABLE identity_nothing (id int PRIMARY KEY, note text);
ALTER TABLE identity_nothing REPLICA IDENTITY NOTHING;
CREATE TABLE keyless (a int, b text);
ALTER TABLE keyless REPLICA IDENTITY FULL;
CREATE TABLE composite_key (region text, no int, note text, PRIMARY KEY (no, region));
CREATE TABLE parted (id int, part text, note text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
CREATE TABLE parted_b (note text, part text NOT NULL, id int NOT NULL);
ALTER TABLE parted ATTACH PARTITION parted_b FOR VALUES IN ('b');
CREATE TABLE rooted (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
CREATE TABLE rooted_low (note text, id int NOT NULL PRIMARY KEY);
ALTER TABLE rooted ATTACH PARTITION rooted_low FOR VALUES FROM (0) TO (10);
CREATE TABLE rooted_high PARTITION OF rooted FOR VALUES FROM (10) TO (100);
CREATE TABLE generated (id int PRIMARY KEY, w int, area int GENERATED ALWAYS AS (w * w) STORED);
CREATE TABLE changing (id int PRIMARY KEY, a int);
CREATE TABLE """quoted"".""names" (__proto__ int PRIMARY KEY, "10" int, """" int, "a.b" int, "ü😀" text);
CREATE SCHEMA "other schema";
CREATE TABLE "other schema".empty ();
CREATE PUBLICATION golden FOR ALL TABLES;
CREATE PUBLICATION golden_root FOR TABLE rooted WITH (publish_via_partition_root = true)

-- numbers
INSERT INTO numbers VALUES (1, -32768, -2147483648, -9223372036854775808, 4294967295, '-0', '-0', -0.00, -1.5, true);
INSERT INTO numbers VALUES (9223372036854775807, 32767, 2147483647, 9223372036854775807, 0, 1.1, 1.7976931348623157e308, 1.10, 1234567.89, false);
INSERT INTO numbers VALUES (3, NULL, NULL, NULL, NULL, 'NaN', 'Infinity', 'NaN', NULL, NULL);
INSERT INTO numbers VALUES (4, 0, 0, 0, 1, '-Infinity', 5e-324, 1e40, 0, NULL)

-- texts
INSERT INTO texts VALUES (1, E'quote " backslash \\ line \n tab \t bell \x07 del \x7f', 'ü 😀', 'ab', 'n', 'c', 'CiText', '<a>1</a>', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{ "a" : 1e400, "a": [1.10, "\ud800"] }', '{"b": 1.10, "a": null}', '\x00ff10');
INSERT INTO texts VALUES (2, '', '', '', '', '', '', '', NULL, 'null', '"\u2028"', '');
INSERT INTO texts VALUES (3, E'\uFEFFbom \u2028 \uFFFF', 'NULL', 'null', NULL, NULL, NULL, NULL, NULL, E' [1,\n2] ', '12345678901234567890.10', '\x01')

-- times
INSERT INTO times VALUES (1, '2023-10-15 10:30:00.123456+02', '2023-10-15 10:30:00.5', '2023-10-15', '10:30:00.000001', '10:30:00+05:30', '1 year -2 mons 3 days -04:05:06.789');
INSERT INTO times VALUES (2, 'infinity', '-infinity', 'infinity', '24:00:00', '24:00:00-15:59:59', '0');
INSERT INTO times VALUES (3, '4713-11-24 00:00:00+00 BC', '0001-12-31 23:59:59 BC', '4713-11-24 BC', '00:00', '00:00+00', '-178000000 years');
INSERT INTO times VALUES (4, '294276-12-31 23:59:59.999999+00', '10000-01-01', '5874897-12-31', NULL, NULL, '1.5 seconds')

-- others
INSERT INTO others VALUES (1, '192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'10101', B'1', 'fat:2A & cat', 'fat & !rat', '(1.5,-2)', '((1,2),(3,4))', '16/B374D848', 'pg_class', '1 2 3', '"a \"1"=>"x\\y", b=>NULL, c=>""');
INSERT INTO others VALUES (2, '::ffff:1.2.3.4', '2001:db8::/32', NULL, NULL, B'00000', B'', '', NULL, NULL, NULL, '0/0', 0, '', '')

-- arrays
INSERT INTO arrays VALUES (1, '{1,NULL,-3}', '{"a b","NULL",null,"","\"\\"}', '{1.10,NaN}', '{"2023-10-15 10:30:00+00",infinity}', '{(1,1),(0,0);(2,2),(1,1)}', '{"\\x00","\\xff"}', '{"{\"a\": [1, \"}\"]}",null}', '{happy,sad}');
INSERT INTO arrays VALUES (2, '{{1,2},{3,4}}', '{}', '[0:1]={1,2}', NULL, '{}', '{}', '{}', '{}');
INSERT INTO arrays VALUES (3, '[-1:0][2:2]={{1},{2}}', '{{{a},{b}}}', '{}', NULL, NULL, NULL, NULL, NULL)

-- nested types
INSERT INTO nested VALUES (1, ROW('Ann, "A"', ROW('Main (St)', 5, '{"x,y",NULL}'), '{ok}'), ARRAY[ROW('B', NULL, NULL), ROW(NULL, ROW('', NULL, '{}'), '{}')]::person[], 7, '{1,2}', ROW('s', 1, NULL), '[1,5)', '{[2023-01-01,2023-02-01),[2024-01-01,)}', '[1.5,2.5]', '{"[1,2)",empty,"(,)"}', '{"a=>1","b=>NULL"}');
INSERT INTO nested VALUES (2, NULL, '{}', NULL, '{}', NULL, 'empty', '{}', NULL, NULL, '{}')

-- unchanged TOAST: not sent, named; after it the whole value again
INSERT INTO toasted VALUES (1, 'a', repeat('x', 2100), 's');
UPDATE toasted SET name = 'b' WHERE id = 1;
UPDATE toasted SET id = 2 WHERE id = 1;
UPDATE toasted SET big = 'short' WHERE id = 2

-- unchanged TOAST under identity full: filled from the old row
INSERT INTO toasted_full VALUES (1, 'a', repeat('y', 2100));
UPDATE toasted_full SET name = 'b' WHERE id = 1

-- identity default: update, changed key, delete
INSERT INTO changing VALUES (1, 10), (2, 20);
UPDATE changing SET a = 11 WHERE id = 1;
UPDATE changing SET id = 3 WHERE id = 2;
DELETE FROM changing WHERE id = 1

-- identity full without a key: update, delete
INSERT INTO keyless VALUES (1, NULL);
UPDATE keyless SET b = 'x';
DELETE FROM keyless

-- identity index that is not the primary key
INSERT INTO identity_index VALUES (1, 'c1', 'n');
UPDATE identity_index SET note = 'm';
UPDATE identity_index SET code = 'c2';
UPDATE identity_index SET id = 2;
DELETE FROM identity_index

-- identity nothing: inserts only
INSERT INTO identity_nothing VALUES (1, 'n')

-- a key of two columns, in the order of the table
INSERT INTO composite_key VALUES ('eu', 1, 'n');
UPDATE composite_key SET note = 'm';
UPDATE composite_key SET region = 'us';
DELETE FROM composite_key

-- truncate of several tables
TRUNCATE changing, keyless, composite_key CASCADE

-- partitions under their own names; a row moves
INSERT INTO parted VALUES (1, 'a', 'n'), (2, 'b', 'm');
UPDATE parted SET part = 'b' WHERE id = 1;
DELETE FROM parted WHERE id = 2

-- partitions under their root
INSERT INTO rooted VALUES (1, 'n'), (11, 'm');
UPDATE rooted SET id = 12 WHERE id = 1;
UPDATE rooted SET note = 'l' WHERE id = 11;
TRUNCATE rooted

-- a stored generated column
INSERT INTO generated VALUES (1, 3);
UPDATE generated SET w = 4

-- since 18: a stored generated column that the publication holds
ALTER PUBLICATION golden SET (publish_generated_columns = stored);
INSERT INTO generated VALUES (2, 5)

-- a new column with a default, a renamed and a dropped one, a changed type, in one transaction
INSERT INTO changing VALUES (10, 1);
ALTER TABLE changing ADD b text DEFAULT 'd';
INSERT INTO changing VALUES (11, 2);
ALTER TABLE changing RENAME a TO c;
INSERT INTO changing VALUES (12, 3, 'e');
ALTER TABLE changing ALTER c TYPE text USING 't' || c;
INSERT INTO changing VALUES (13, 't4', 'f');
ALTER TABLE changing DROP b;
INSERT INTO changing VALUES (14, 't5');
ALTER TABLE changing DROP CONSTRAINT changing_pkey;
INSERT INTO changing VALUES (15, 't6');
ALTER TABLE changing ADD PRIMARY KEY (c);
INSERT INTO changing VALUES (16, 't7')

-- a table, a type and a schema of the same transaction
CREATE SCHEMA fresh;
CREATE TYPE fresh.pair AS (l int, r int);
CREATE TABLE fresh.pairs (id int PRIMARY KEY, p fresh.pair);
INSERT INTO fresh.pairs VALUES (1, '(1,2)')

-- an enum's new label
ALTER TYPE mood ADD VALUE 'great'

-- the new label in use
INSERT INTO arrays (id, md) VALUES (4, '{great}')

-- logical messages
SELECT pg_logical_emit_message(true, 'app "x"', 'transactional');
SELECT pg_logical_emit_message(false, 'app', E'\\x00ff'::bytea);
SELECT pg_logical_emit_message(true, '', '')

-- savepoints
BEGIN;
INSERT INTO generated VALUES (20, 1);
SAVEPOINT a;
INSERT INTO generated VALUES (21, 1);
ROLLBACK TO a;
INSERT INTO generated VALUES (22, 1);
SAVEPOINT b;
INSERT INTO generated VALUES (23, 1);
RELEASE b;
COMMIT

-- rolled back
BEGIN;
INSERT INTO generated VALUES (30, 1);
ROLLBACK

-- prepared, then committed
BEGIN;
INSERT INTO generated VALUES (40, 1);
PREPARE TRANSACTION 'golden'

-- between
INSERT INTO generated VALUES (41, 1)

-- the prepared one's end
COMMIT PREPARED 'golden'

-- from another origin
SELECT pg_replication_origin_create('elsewhere')

-- the origin is this session's
SELECT pg_replication_origin_session_setup('elsewhere')

-- tagged
BEGIN;
SELECT pg_replication_origin_xact_setup('0/ABCDEF', '2020-01-01 00:00:00+00');
INSERT INTO generated VALUES (50, 1);
COMMIT

-- no longer
SELECT pg_replication_origin_session_reset()

-- names that need quotes
INSERT INTO """quoted"".""names" VALUES (1, 2, 3, 4, 'v');
UPDATE """quoted"".""names" SET __proto__ = 5

-- a table without columns
INSERT INTO "other schema".empty DEFAULT VALUES

-- since 15: a row filter and a column list
DROP PUBLICATION golden;
CREATE PUBLICATION golden FOR TABLE generated (id, w) WHERE (id > 100), composite_key (no, region)

-- since 15: rows that enter and leave the filter
INSERT INTO generated VALUES (60, 1), (170, 2);
UPDATE generated SET id = id + 100 WHERE id = 60;
UPDATE generated SET id = id - 95 WHERE id > 100;
INSERT INTO composite_key VALUES ('af', 9, 'hidden')
