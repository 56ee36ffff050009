// A second table of values and their exact JSON, written from SPEC section 4 and PostgreSQL's manual alone: nested
// types, odd labels, the ends of each range, and texts that look like something else.

import type { TypeValue } from "./type_values.ts";

/** What the types need, on top of TYPES_SQL. */
export const MORE_TYPES_SQL = `
  CREATE TYPE odd_label AS ENUM ('', ' ', 'NULL', 'null', '{a,b}', '"', '\\', 'ü,😀', '(1,2)');
  CREATE TYPE "inner" AS (flag bool, notes text[], stamp timestamp, span interval);
  CREATE TYPE middle AS ("in" "inner", ins "inner"[], label odd_label);
  CREATE TYPE outermost AS (mids middle[], one middle, kv hstore, amount numeric);
  CREATE DOMAIN ids AS int[] CHECK (array_length(VALUE, 1) < 100);
  CREATE DOMAIN id_lists AS ids[];
  CREATE DOMAIN many_lists AS id_lists[];
  CREATE DOMAIN stamp AS timestamptz;
  CREATE DOMAIN document AS jsonb;
  CREATE DOMAIN raw AS bytea;
  CREATE DOMAIN label AS odd_label;
  CREATE TYPE dated AS (on_day stamp, doc document, bytes raw, labels label[]);
  CREATE DOMAIN checked AS dated CHECK ((VALUE).doc IS NOT NULL);
  CREATE TYPE text_range AS RANGE (subtype = text, collation = "C");
  CREATE TABLE as_type ("a.b" int, """q""" text);
  CREATE TYPE ten AS (f1 int, f2 int, f3 int, f4 int, f5 int, f6 int, f7 int, f8 int, f9 int, f10 int);`;

/** `{a,b}` with each element quoted; null stays bare. */
function array(...elements: readonly (string | null)[]): string {
  return `{${elements.map((each) => each === null ? "NULL" : quoted(each)).join(",")}}`;
}

/** `(a,b)` with each field quoted; null is nothing at all. */
function row(...fields: readonly (string | null)[]): string {
  return `(${fields.map((each) => each === null ? "" : quoted(each)).join(",")})`;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Quotes, backslashes, commas, braces and parentheses: each level of nesting has to escape them again. */
const NASTY = '"\\,(){} \\"';
const INNER = row("f", array(NASTY, "NULL", null, ""), "2023-01-01 00:00:00.5", "-1 day");
const INNER_JSON =
  '{"flag":false,"notes":["\\"\\\\,(){} \\\\\\"","NULL",null,""],"stamp":"2023-01-01T00:00:00.5","span":"P-1D"}';
const MIDDLE = row(INNER, array(INNER, null), "\\");
const MIDDLE_JSON = `{"in":${INNER_JSON},"ins":[${INNER_JSON},null],"label":"\\\\"}`;
const OUTERMOST = row(array(MIDDLE, null, MIDDLE), MIDDLE, 'k=>"v,\\"\\\\", n=>NULL', "1.10");
const OUTERMOST_JSON =
  `{"mids":[${MIDDLE_JSON},null,${MIDDLE_JSON}],"one":${MIDDLE_JSON},"kv":{"k":"v,\\"\\\\","n":null},"amount":"1.10"}`;

export const MORE_TYPE_VALUES: readonly TypeValue[] = [
  // Numbers: the shortest digits that read back, exponents as PostgreSQL prints them, denormals, signs of zero.
  ["smallint", "32767", "32767"],
  ["integer", "-2147483648", "-2147483648"],
  ["oid", "0", "0"],
  ["bigint", "9007199254740993", "9007199254740993"],
  ["real", "3.4028235e38", "3.4028235e+38"],
  ["real", "1.17549435e-38", "1.1754944e-38"],
  ["real", "16777216", "1.6777216e+07"],
  ["real", "999999", "999999"],
  ["real", "1000000", "1e+06"],
  ["real", "0.0001", "0.0001"],
  ["real", "0.00001", "1e-05"],
  ["real", "0.3", "0.3"],
  ["real", "Infinity", '"Infinity"'],
  ["double precision", "-0", "-0"],
  ["double precision", "2.2250738585072014e-308", "2.2250738585072014e-308"],
  ["double precision", "4.9406564584124654e-324", "5e-324"],
  ["double precision", "123456789012345678", "1.2345678901234568e+17"],
  ["double precision", "100000000000000", "100000000000000"],
  ["double precision", "1000000000000000", "1e+15"],
  ["double precision", "0.30000000000000004", "0.30000000000000004"],
  ["numeric(5,-2)", "12345", '"12300"'],
  ["numeric(3,5)", "0.00123", '"0.00123"'],
  ["numeric", "1e20", '"100000000000000000000"'],
  ["numeric", "-Infinity", '"-Infinity"'],
  ["money", "0.005", '"$0.01"'],
  ["money[]", "{$1,234.56}", '["$1.00","$234.56"]'],
  ["money[]", '{"-$1,234.56"}', '["-$1,234.56"]'],

  // Texts that look like something else.
  ["text", "{}", '"{}"'],
  ["text", "\\N", '"\\\\N"'],
  ["text", "</script>\u007f\u0080", '"</script>\u007f\u0080"'],
  ["text", "\u{10ffff}e\u0301", '"\u{10ffff}e\u0301"'],
  ["text", "\u001f\u000b", '"\\u001f\\u000b"'],
  ["char(3)", "", '"   "'],
  ["char(3)", "é", '"é  "'],
  ["char", "x", '"x"'],
  ["char(2)[]", "{a,NULL}", '["a ",null]'],
  ["name", "é".repeat(40), `"${"é".repeat(31)}"`],
  ['"char"', "", '""'],
  ['"char"', "\\200", '"\\\\200"'],
  ['"char"', "\\", '"\\\\"'],
  ['"char"[]', '{a,"",NULL,"\\\\377"}', '["a","",null,"\\\\377"]'],
  ["name[]", '{"a b","NULL"}', '["a b","NULL"]'],
  ["citext[]", "{Aa,aA}", '["Aa","aA"]'],
  ["odd_label", "", '""'],
  ["odd_label", "\\", '"\\\\"'],
  [
    "odd_label[]",
    '{""," ",NULL,"NULL",null,"{a,b}","\\"","\\\\","ü,😀"}',
    '[""," ",null,"NULL",null,"{a,b}","\\"","\\\\","ü,😀"]',
  ],

  // Dates and times: both ends of each, years of five digits, BC, offsets to the second.
  ["timestamptz", "2023-10-15 10:30:00.1+00", '"2023-10-15T10:30:00.1Z"'],
  ["timestamptz", "10000-01-01 00:00:00+00", '"10000-01-01T00:00:00Z"'],
  ["timestamptz", "0001-12-31 23:59:59.999999+00 BC", '"0001-12-31 23:59:59.999999+00 BC"'],
  ["timestamptz", "infinity", '"infinity"'],
  ["timestamptz", "epoch", '"1970-01-01T00:00:00Z"'],
  ["timestamptz", "2024-02-29 23:59:59.5-12:30:15", '"2024-03-01T12:30:14.5Z"'],
  ["timestamp", "294276-12-31 23:59:59.999999", '"294276-12-31T23:59:59.999999"'],
  ["timestamp", "4713-01-01 00:00:00 BC", '"4713-01-01 00:00:00 BC"'],
  ["timestamp", "-infinity", '"-infinity"'],
  ["timestamp", "0001-01-01", '"0001-01-01T00:00:00"'],
  ["timestamp(3)", "2023-10-15 10:30:00.9996", '"2023-10-15T10:30:01"'],
  [
    "timestamp[]",
    '{"0044-03-15 12:00:00 BC",infinity,"2023-01-01"}',
    '["0044-03-15 12:00:00 BC","infinity","2023-01-01T00:00:00"]',
  ],
  ["date", "10000-01-01", '"10000-01-01"'],
  ["date", "4713-11-24 BC", '"4713-11-24 BC"'],
  ["date", "infinity", '"infinity"'],
  ["date[]", "{-infinity,2024-02-29,NULL}", '["-infinity","2024-02-29",null]'],
  ["time", "00:00", '"00:00:00"'],
  ["time(2)", "23:59:59.999", '"24:00:00"'],
  ["timetz", "00:00:00.000001+15:59:59", '"00:00:00.000001+15:59:59"'],
  ["timetz", "12:00-00:30", '"12:00:00-00:30"'],
  ["timetz", "24:00:00-08", '"24:00:00-08:00"'],
  ["timetz[]", "{10:00:00+02,10:00:00.5+00}", '["10:00:00+02:00","10:00:00.5Z"]'],

  // Intervals: each part with a sign of its own.
  ["interval", "-1 mon +1 day -1 hour", '"P-1M1DT-1H"'],
  ["interval", "1 day -00:00:01.5", '"P1DT-1.5S"'],
  ["interval", "-0.000001 s", '"PT-0.000001S"'],
  ["interval", "2562047788:00:54.775807", '"PT2562047788H54.775807S"'],
  ["interval", "14 mons", '"P1Y2M"'],
  ["interval", "-14 mons", '"P-1Y-2M"'],
  ["interval", "1000 days 30 hours", '"P1000DT30H"'],
  ["interval year to month", "1-2", '"P1Y2M"'],
  ["interval", "infinity", '"infinity"'],
  ["interval[]", "{-infinity,1 day}", '["-infinity","P1D"]'],
  ["interval second(2)", "1.239", '"PT1.24S"'],

  // Bytes and bits.
  ["bytea", "\\x00", '"AA=="'],
  ["bytea", "\\xfbff", '"+/8="'],
  ["bytea", "\\x5c78", '"XHg="'],
  ["bytea[]", '{"\\\\x",NULL}', '["",null]'],
  ["bit", "1", '"1"'],
  ["bit(8)[]", "{00000000,11111111}", '["00000000","11111111"]'],
  ["varbit(5)", "10", '"10"'],

  // JSON: untouched, whatever a parser would make of it.
  ["json", '{ "a" : 1 ,\r\n\t"a" : 2 }', '{ "a" : 1 ,\r\n\t"a" : 2 }'],
  ["json", '"\\u0000"', '"\\u0000"'],
  ["json", '["\\ud83d","\\udE00","\\/"]', '["\\ud83d","\\udE00","\\/"]'],
  ["json", "-0.0e-0", "-0.0e-0"],
  ["json", "[]", "[]"],
  ["jsonb", "1e400", `1${"0".repeat(400)}`],
  ["jsonb", "1.000e-10", "0.0000000001000"],
  ["jsonb", '{"10":1,"9":2,"__proto__":null,"":[]}', '{"": [], "9": 2, "10": 1, "__proto__": null}'],
  ["jsonb", '{"a":1,"a":2}', '{"a": 2}'],
  ["jsonb", "false", "false"],
  ["json[]", '{"{\\"a\\":\n1}","null",NULL,"\\"NULL\\""}', '[{"a":\n1},null,null,"NULL"]'],

  // Arrays: empty in each dimension, bounds, nulls and their text, delimiters.
  ["int[]", "[5:6]={1,2}", "[1,2]"],
  ["int[]", "[-2:-1][0:1]={{1,2},{3,4}}", "[[1,2],[3,4]]"],
  ["text[]", '{null,"null","NULL",nUlL}', '[null,"null","NULL",null]'],
  ["text[]", '{"{a}","[1:1]={b}","a,b","(c)"}', '["{a}","[1:1]={b}","a,b","(c)"]'],
  ["text[]", "{{{{{{x}}}}}}", '[[[[[["x"]]]]]]'],
  ["text[]", '{"\n\t","\\\\\\"",é}', '["\\n\\t","\\\\\\"","é"]'],
  ["bigint[]", "{-9223372036854775808,9223372036854775807}", "[-9223372036854775808,9223372036854775807]"],
  ["real[]", "{-0,1e-45,NaN,-Infinity}", '[-0,1e-45,"NaN","-Infinity"]'],
  ["numeric[]", "{{0.0,-0.10}}", '[["0.0","-0.10"]]'],
  ["oid[]", "{4294967295}", "[4294967295]"],
  ["uuid[]", "{00000000-0000-0000-0000-000000000000}", '["00000000-0000-0000-0000-000000000000"]'],
  ["inet[]", "{::1,10.0.0.1/8}", '["::1","10.0.0.1/8"]'],
  ["xml[]", '{"<a/>"}', '["<a/>"]'],
  ["box[]", "{{(1,1),(0,0)};{(2,2),(1,1)}}", '[["(1,1),(0,0)"],["(2,2),(1,1)"]]'],
  ["point[]", '{"(1,2)",NULL}', '["(1,2)",null]'],
  ["regclass[]", "{pg_class,pg_type}", '["pg_class","pg_type"]'],
  ["int2vector[]", '{"1 2",""}', '["1 2",""]'],
  ["oidvector", "1 4294967295", '"1 4294967295"'],
  ["hstore[]", '{"\\"a\\"=>\\"1,2\\"",NULL,""}', '[{"a":"1,2"},null,{}]'],

  // Shapes, networks, and PostgreSQL's inner types: strings, as printed.
  ["point", "(-0,1e-300)", '"(-0,1e-300)"'],
  ["line", "{1,-1,0}", '"{1,-1,0}"'],
  ["lseg", "[(0,0),(1,1)]", '"[(0,0),(1,1)]"'],
  ["box", "(0,0),(1,1)", '"(1,1),(0,0)"'],
  ["path", "[(0,0),(1,1)]", '"[(0,0),(1,1)]"'],
  ["path", "((0,0),(1,1))", '"((0,0),(1,1))"'],
  ["inet", "192.168.0.1/0", '"192.168.0.1/0"'],
  ["inet", "::", '"::"'],
  ["cidr", "2001:db8::/32", '"2001:db8::/32"'],
  ["pg_lsn", "0/0", '"0/0"'],
  ["txid_snapshot", "10:20:10,14,15", '"10:20:10,14,15"'],
  ["pg_snapshot", "10:20:", '"10:20:"'],
  ["xid8", "0", '"0"'],
  ["xid", "4294967295", '"4294967295"'],
  ["cid", "1", '"1"'],
  ["tid", "(4294967295,65535)", '"(4294967295,65535)"'],
  ["regproc", "now", '"now"'],
  ["regprocedure", "abs(integer)", '"abs(integer)"'],
  ["regoperator", "+(integer,integer)", '"+(integer,integer)"'],
  ["regrole", "postgres", '"postgres"'],
  ["regnamespace", "pg_catalog", '"pg_catalog"'],
  ["regtype", "timestamp with time zone", '"timestamp with time zone"'],
  ["regclass", "-", '"-"'],
  ["tsvector", "'a\\'\\'b':1A,2 'é':3", "\"'a''''b':1A,2 'é':3\""],
  ["tsquery", "'a b' <-> c:*A | !d", "\"'a b' <-> 'c':*A | !'d'\""],
  ["aclitem", "postgres=r*w/postgres", '"postgres=r*w/postgres"'],

  // Ranges of every kind: strings, in their canonical form.
  ["int4range", "empty", '"empty"'],
  ["int4range", "(,)", '"(,)"'],
  ["int8range", "[-9223372036854775808,9223372036854775806]", '"[-9223372036854775808,9223372036854775807)"'],
  ["numrange", "[1.10,NaN]", '"[1.10,NaN]"'],
  ["tsrange", "[2023-01-01,infinity]", '"[\\"2023-01-01 00:00:00\\",infinity]"'],
  ["daterange", "[2023-01-01,2023-01-31]", '"[2023-01-01,2023-02-01)"'],
  ["daterange", "[-infinity,infinity]", '"[-infinity,infinity]"'],
  ["tstzrange", "(0044-03-15 12:00:00+00 BC,)", '"(\\"0044-03-15 12:00:00+00 BC\\",)"'],
  ["text_range", '["","a,b"]', '"[\\"\\",\\"a,b\\"]"'],
  ["text_range", '["a\\\\b","c\\"d")', '"[\\"a\\\\\\\\b\\",\\"c\\"\\"d\\")"'],
  ["int4multirange", "{[1,3),[2,5),[9,9]}", '"{[1,5),[9,10)}"'],
  ["int8multirange", "{}", '"{}"'],
  ["nummultirange", "{(,0),[1.5,)}", '"{(,0),[1.5,)}"'],
  ["tsmultirange", "{[2023-01-01,2023-01-02)}", '"{[\\"2023-01-01 00:00:00\\",\\"2023-01-02 00:00:00\\")}"'],
  ["tstzmultirange", "{[2023-01-01 00:00+00,]}", '"{[\\"2023-01-01 00:00:00+00\\",)}"'],
  [
    "tstzrange[]",
    '{"[\\"2023-01-01 00:00:00+00\\",)",empty,NULL}',
    '["[\\"2023-01-01 00:00:00+00\\",)","empty",null]',
  ],
  ["datemultirange[]", '{"{[2023-01-01,2023-01-02)}","{}"}', '["{[2023-01-01,2023-01-02)}","{}"]'],

  // hstore: quotes, nulls, unicode, the text NULL, empty keys.
  ["hstore", '""=>"", "NULL"=>"NULL", n=>NULL', '{"":"","n":null,"NULL":"NULL"}'],
  ["hstore", '"a\\"\\\\\n"=>"😀=>,"', '{"a\\"\\\\\\n":"😀=>,"}'],
  ["hstore", '"10"=>1, "9"=>2, "__proto__"=>3', '{"9":"2","10":"1","__proto__":"3"}'],

  // Composites in arrays in composites, domains over arrays over domains, a table's row as a type.
  ['"inner"', '(t,"{}",,)', '{"flag":true,"notes":[],"stamp":null,"span":null}'],
  [
    '"inner"[]',
    '{"(f,\\"{NULL,\\"\\"NULL\\"\\"}\\",\\"2023-01-01 00:00:00\\",\\"1 day\\")"}',
    '[{"flag":false,"notes":[null,"NULL"],"stamp":"2023-01-01T00:00:00","span":"P1D"}]',
  ],
  [
    "middle",
    '("(t,,,)",,"(1,2)")',
    '{"in":{"flag":true,"notes":null,"stamp":null,"span":null},"ins":null,"label":"(1,2)"}',
  ],
  ["outermost", OUTERMOST, OUTERMOST_JSON],
  ["outermost[]", array(OUTERMOST, null), `[${OUTERMOST_JSON},null]`],
  ["ids", "{1,2}", "[1,2]"],
  ["id_lists", '{"{1,2}","{}",NULL}', "[[1,2],[],null]"],
  ["many_lists", '{"{\\"{1}\\",\\"{2,3}\\"}"}', "[[[1],[2,3]]]"],
  [
    "checked",
    '("2023-01-01 00:00:00+00","{""a"": [1.0]}","\\\\x00ff","{NULL,""NULL"",""\\\\""""}")',
    '{"on_day":"2023-01-01T00:00:00Z","doc":{"a": [1.0]},"bytes":"AP8=","labels":[null,"NULL","\\""]}',
  ],
  ["stamp[]", '{"2023-01-01 00:00:00+05:30"}', '["2022-12-31T18:30:00Z"]'],
  ["document[]", '{"[]","null"}', "[[],null]"],
  ["as_type", '(1,"a""b")', '{"a.b":1,"\\"q\\"":"a\\"b"}'],
  ["as_type[]", '{"(,)"}', '[{"a.b":null,"\\"q\\"":null}]'],
  ["ten", "(1,2,3,4,5,6,7,8,9,10)", `{${[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => `"f${n}":${n}`)}}`],
];
