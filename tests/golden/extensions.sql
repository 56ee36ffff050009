-- What extensions.txt is recorded from: types of pgvector and PostGIS. A paragraph is one transaction.

-- setup: not captured, the slot is made after it
CREATE EXTENSION vector;
CREATE EXTENSION postgis;
CREATE DOMAIN embedding AS vector(3) CHECK (VALUE IS NULL OR vector_norm(VALUE) > 0);
CREATE DOMAIN embeddings AS embedding[];
CREATE TYPE chunk AS (no int, embedding vector, place geometry);
CREATE TYPE document AS (title text, chunks chunk[], mean embedding);
CREATE TABLE vectors (id int PRIMARY KEY, v vector, v3 vector(3), h halfvec, s sparsevec, vs vector[], hs halfvec[], ss sparsevec[], e embedding, es embeddings, c chunk, d document, ds document[]);
CREATE TABLE places (id int PRIMARY KEY, g geometry, p geometry(Point, 4326), z geometry(PointZM), gg geography, gs geometry[], ggs geography[], b2 box2d, b3 box3d, bs box2d[], p3 box3d[], c chunk);
CREATE PUBLICATION golden FOR TABLE vectors, places;
CREATE PUBLICATION golden_root FOR TABLE vectors

-- vectors
INSERT INTO vectors (id, v, v3, h, s) VALUES (1, '[1,2.5,-3]', '[ 0.1 , -0 , 1e-7]', '[1,2.5,-0.1]', '{1:1.5,3:-2}/5');
INSERT INTO vectors (id, v, h, s) VALUES (2, '[3.4028235e38,1e-45,-1.17549435e-38,16777216,0.1]', '[65504,-65504,6e-8,0]', '{}/3');
INSERT INTO vectors (id, v) VALUES (3, NULL);
INSERT INTO vectors (id, v) SELECT 4, array_fill(0.25::real, ARRAY[1000])::vector

-- arrays of vectors, domains over them, composites that hold them
INSERT INTO vectors (id, vs, hs, ss) VALUES (5, ARRAY['[1,2]', NULL, '[3]']::vector[], ARRAY['[1,2]']::halfvec[], ARRAY['{1:1}/2', NULL]::sparsevec[]);
INSERT INTO vectors (id, vs, es) VALUES (6, '{}', ARRAY['[1,2,3]', NULL]::embedding[]);
INSERT INTO vectors (id, vs) VALUES (7, ARRAY[ARRAY['[1,2]'], ARRAY['[3]']]::vector[]);
INSERT INTO vectors (id, e, c) VALUES (8, '[0,0,1]', ROW(1, '[0.5,1e20]', NULL));
INSERT INTO vectors (id, d, ds) VALUES (9, ROW('a "b"', ARRAY[ROW(1, '[1,2]', 'POINT(1 2)')::chunk, NULL], '[3,4,5]'), ARRAY[ROW(NULL, ARRAY[ROW(2, '[9]', NULL)::chunk], NULL)::document])

-- changed and deleted rows
UPDATE vectors SET v = '[7]' WHERE id = 1;
DELETE FROM vectors WHERE id = 2

-- geometry and geography
INSERT INTO places (id, g, p, z, gg) VALUES (1, 'POINT(1 2)', 'SRID=4326;POINT(-71.06 42.28)', 'POINTZM(1 2 3 4)', 'SRID=4326;POINT(-110 30)');
INSERT INTO places (id, g) VALUES (2, 'POINT EMPTY'), (3, 'GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))'), (4, 'SRID=3857;POLYGON((0 0,0 1,1 1,0 0))');
INSERT INTO places (id, gs, ggs) VALUES (5, ARRAY['POINT(1 2)'::geometry, NULL, 'POINT(3 4)'::geometry], ARRAY['POINT(1 2)'::geography]);
INSERT INTO places (id, gs, ggs) VALUES (6, '{}', NULL);
INSERT INTO places (id, b2, b3, bs, p3) VALUES (7, 'BOX(0 0,1 1.5)', 'BOX3D(0 0 0,1 1 1)', ARRAY['BOX(0 0,1 1)', 'BOX(2 2,3 3)']::box2d[], ARRAY['BOX3D(0 0 0,1 1 1)']::box3d[]);
INSERT INTO places (id, c) VALUES (8, ROW(1, NULL, 'POINT(1 2)'))
