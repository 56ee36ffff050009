// Values of every type, the extreme ones among them, and the exact JSON that each becomes (SPEC section 4).

/** A type as SQL names it, a literal, and the JSON text; null literals are SQL's null. */
export type TypeValue = readonly [type: string, literal: string | null, json: string];

/** What the types that are not PostgreSQL's own need. */
export const TYPES_SQL = `
  CREATE EXTENSION hstore;
  CREATE EXTENSION citext;
  CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy "!"');
  CREATE TYPE pair AS (l int, r text);
  CREATE TYPE tree AS (name text, pairs pair[], best pair, at timestamptz, raw bytea, doc jsonb);
  CREATE TYPE lone AS (v text);
  CREATE TYPE nothing AS ();
  CREATE TYPE "Odd Name" AS ("a""b" int, "__proto__" text, "10" int);
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE DOMAIN tags AS text[];
  CREATE DOMAIN home AS pair;
  CREATE DOMAIN homes AS home[];
  CREATE DOMAIN even_more AS positive;
  CREATE TYPE float_range AS RANGE (subtype = float8, multirange_type_name = float_ranges);`;

const DIGITS = "9".repeat(131_072);

export const TYPE_VALUES: readonly TypeValue[] = [
  ["smallint", "-32768", "-32768"],
  ["integer", "2147483647", "2147483647"],
  ["bigint", "9223372036854775807", "9223372036854775807"],
  ["bigint", "-9223372036854775808", "-9223372036854775808"],
  ["oid", "4294967295", "4294967295"],
  ["real", "1.1", "1.1"],
  ["real", "-0", "-0"],
  ["real", "1e-45", "1e-45"],
  ["real", "NaN", '"NaN"'],
  ["double precision", "1.7976931348623157e308", "1.7976931348623157e+308"],
  ["double precision", "0.1", "0.1"],
  ["double precision", "-Infinity", '"-Infinity"'],
  ["double precision", "5e-324", "5e-324"],
  ["numeric", "1.10", '"1.10"'],
  ["numeric", "-0.000", '"0.000"'],
  ["numeric", DIGITS, `"${DIGITS}"`],
  ["numeric", `1e-16383`, `"0.${"0".repeat(16_382)}1"`],
  ["numeric", "NaN", '"NaN"'],
  ["numeric", "Infinity", '"Infinity"'],
  ["numeric(10,2)", "12345678.9", '"12345678.90"'],
  ["money", "-92233720368547758.08", '"-$92,233,720,368,547,758.08"'],
  ["boolean", "t", "true"],
  ["boolean", "f", "false"],
  ["boolean", null, "null"],
  ["text", "", '""'],
  ["text", "null", '"null"'],
  ["text", '"\\/\b\f\n\r\t\u0001\u001f\u007f', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u007f"'],
  ["text", "\ufeffbom \uffff \u{1f600} \u2028\u2029 é", '"\ufeffbom \uffff \u{1f600} \u2028\u2029 é"'],
  ["varchar(5)", "'a,b}", '"\'a,b}"'],
  ["char(5)", "ab", '"ab   "'],
  ["name", "n", '"n"'],
  ['"char"', "c", '"c"'],
  ['"char"', "\\377", '"\\\\377"'],
  ["citext", "CiText", '"CiText"'],
  ["mood", 'happy "!"', '"happy \\"!\\""'],
  ["mood[]", '{sad,"so so"}', '["sad","so so"]'],
  ["uuid", "A0EEBC99-9c0b4ef8bb6d6bb9bd380a11", '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"'],
  ["inet", "192.168.0.1/32", '"192.168.0.1"'],
  ["inet", "::ffff:1.2.3.4/96", '"::ffff:1.2.3.4/96"'],
  ["cidr", "10", '"10.0.0.0/8"'],
  ["macaddr", "08002b010203", '"08:00:2b:01:02:03"'],
  ["macaddr8", "08002b0102030405", '"08:00:2b:01:02:03:04:05"'],
  ["xml", '<a b="c">\n</a>', '"<a b=\\"c\\">\\n</a>"'],
  ["tsvector", "fat:2A & cat", "\"'&' 'cat' 'fat':2A\""],
  ["tsquery", "fat & !rat", "\"'fat' & !'rat'\""],
  ["bit(3)", "101", '"101"'],
  ["varbit", "", '""'],
  [
    "json",
    '{"a":1e400, "a" :[1.10,-0],"\\u0000":"\\ud800"}',
    '{"a":1e400, "a" :[1.10,-0],"\\u0000":"\\ud800"}',
  ],
  ["json", "null", "null"],
  ["jsonb", '{"b":1.10,"aa":12345678901234567890.0}', '{"b": 1.10, "aa": 12345678901234567890.0}'],
  ["jsonb", '"\\u2028<"', '"\u2028<"'],
  ["timestamptz", "2023-10-15 10:30:00.123456+00", '"2023-10-15T10:30:00.123456Z"'],
  ["timestamptz", "294276-12-31 23:59:59.999999+00", '"294276-12-31T23:59:59.999999Z"'],
  ["timestamptz", "4713-11-24 00:00:00+00 BC", '"4713-11-24 00:00:00+00 BC"'],
  ["timestamptz", "-infinity", '"-infinity"'],
  ["timestamptz", "1890-01-01 00:00:00 Europe/Amsterdam", '"1889-12-31T23:42:30Z"'],
  ["timestamp", "2023-10-15 10:30:00", '"2023-10-15T10:30:00"'],
  ["timestamp", "0044-03-15 12:00:00 BC", '"0044-03-15 12:00:00 BC"'],
  ["timestamp(0)", "1999-12-31 23:59:59.9", '"2000-01-01T00:00:00"'],
  ["date", "5874897-12-31", '"5874897-12-31"'],
  ["date", "0001-01-01 BC", '"0001-01-01 BC"'],
  ["time", "24:00:00", '"24:00:00"'],
  ["time", "00:00:00.000001", '"00:00:00.000001"'],
  ["timetz", "23:59:60-15:59:59", '"24:00:00-15:59:59"'],
  ["timetz", "10:30:00+05:30", '"10:30:00+05:30"'],
  ["timetz", "10:30:00Z", '"10:30:00Z"'],
  ["interval", "1 year 2 mons 3 days 04:05:06.5", '"P1Y2M3DT4H5M6.5S"'],
  ["interval", "-1 year +3 days -00:00:00.000001", '"P-1Y3DT-0.000001S"'],
  ["interval", "0", '"PT0S"'],
  ["interval", "178000000 years", '"P178000000Y"'],
  ["bytea", "", '""'],
  ["bytea", "\\x00ff10ab", '"AP8Qqw=="'],
  ["int[]", "{}", "[]"],
  ["int[]", "{{1,NULL},{-3,4}}", "[[1,null],[-3,4]]"],
  ["int[]", "[-1:0]={1,2}", "[1,2]"],
  ["text[]", '{"",NULL,"NULL","a\\"b","{}"," ","\\\\"}', '["",null,"NULL","a\\"b","{}"," ","\\\\"]'],
  ["text[][][]", "{{{a},{b}},{{c},{d}}}", '[[["a"],["b"]],[["c"],["d"]]]'],
  ["numeric[]", "{1.10,NaN,-Infinity}", '["1.10","NaN","-Infinity"]'],
  ["bytea[]", '{"\\\\x00","\\\\xff"}', '["AA==","/w=="]'],
  ["jsonb[]", '{"{\\"a\\": [1, \\"}\\"]}",null,"null"}', '[{"a": [1, "}"]},null,null]'],
  ["timestamptz[]", '{"2023-10-15 10:30:00+00",infinity}', '["2023-10-15T10:30:00Z","infinity"]'],
  ["interval[]", '{"1 day","-1 mon"}', '["P1D","P-1M"]'],
  ["box[]", "{(1,1),(0,0);(2,2),(1,1)}", '["(1,1),(0,0)","(2,2),(1,1)"]'],
  ["boolean[]", "{t,f,NULL}", "[true,false,null]"],
  ["double precision[]", "{NaN,-0,1e300}", '["NaN",-0,1e+300]'],
  ["int4range[]", '{"[1,5)",empty}', '["[1,5)","empty"]'],
  ["point", "(1.5,-2)", '"(1.5,-2)"'],
  ["polygon", "((0,0),(1,1))", '"((0,0),(1,1))"'],
  ["circle", "<(0,0),1>", '"<(0,0),1>"'],
  ["int4range", "(1,5]", '"[2,6)"'],
  ["tstzrange", "[2023-01-01 00:00:00+00,)", '"[\\"2023-01-01 00:00:00+00\\",)"'],
  ["datemultirange", "{[2023-01-01,2023-02-01)}", '"{[2023-01-01,2023-02-01)}"'],
  ["float_range", "empty", '"empty"'],
  ["float_ranges", "{[1,2],(3,4)}", '"{[1,2],(3,4)}"'],
  ["pair", "(1,)", '{"l":1,"r":null}'],
  ["pair", '(,"a ""b"" \\\\, c")', '{"l":null,"r":"a \\"b\\" \\\\, c"}'],
  ["lone", "()", '{"v":null}'],
  ["lone", '("")', '{"v":""}'],
  ["nothing", "()", "{}"],
  ['"Odd Name"', "(1,x,2)", '{"a\\"b":1,"__proto__":"x","10":2}'],
  [
    "tree",
    '(t,"{""(1,\\\\""x y\\\\"")"",NULL}","(2,)","2023-01-01 00:00:00+00","\\\\x01","{""k"": [1]}")',
    '{"name":"t","pairs":[{"l":1,"r":"x y"},null],"best":{"l":2,"r":null},"at":"2023-01-01T00:00:00Z",' +
    '"raw":"AQ==","doc":{"k": [1]}}',
  ],
  [
    "tree[]",
    '{NULL,"(a,{},,,,)"}',
    '[null,{"name":"a","pairs":[],"best":null,"at":null,"raw":null,"doc":null}]',
  ],
  ["positive", "7", "7"],
  ["even_more[]", "{1,2}", "[1,2]"],
  ["tags", "{a,b}", '["a","b"]'],
  ["homes", '{"(1,a)"}', '[{"l":1,"r":"a"}]'],
  ["hstore", 'k=>"v\\"\\\\", n=>NULL', '{"k":"v\\"\\\\","n":null}'],
  ["hstore", "", "{}"],
  ["hstore[]", '{"a=>1"}', '[{"a":"1"}]'],
  ["pg_lsn", "16/B374D848", '"16/B374D848"'],
  ["regclass", "pg_class", '"pg_class"'],
  ["regtype", "int4", '"integer"'],
  ["int2vector", "1 2 3", '"1 2 3"'],
  ["xid8", "18446744073709551615", '"18446744073709551615"'],
  ["jsonpath", "$.a[*] ? (@ > 1)", '"$.\\"a\\"[*]?(@ > 1)"'],
];
