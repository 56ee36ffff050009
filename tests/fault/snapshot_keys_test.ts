// Snapshots of tables with keys of many kinds, while their rows change.

import { createFaultBed, startStreaming } from "../support/fault_bed.ts";
import { assertSnapshots, waitUntilSnapshotsEnd } from "../support/snapshot_oracle.ts";
import { createRows, type RowTable, RowWriters, VERSION } from "../support/snapshot_writer.ts";
import { quickTest } from "../support/speed.ts";
import { readTables } from "../support/table_rows.ts";

const ROWS = 600;

/** The order of the keys is not that of the numbers. */
const mixed = (n: string) => `md5((${n})::text)`;

const KEYS: readonly RowTable[] = [
  { name: "k_composite", keyColumns: [["a", "int"], ["b", "text"]], key: (n) => [`(${n}) % 7`, mixed(n)] },
  {
    name: "k_swapped",
    keyColumns: [["a", "int"], ["b", "smallint"], ["c", "date"]],
    constraints: "PRIMARY KEY (c, b, a)",
    key: (n) => [`(${n}) / 5`, `(${n}) % 3`, `date '2020-01-01' + (${n}) % 5`],
  },
  {
    name: "k_icu",
    keyColumns: [["id", `text COLLATE "de-x-icu"`]],
    key: (n) => [`(ARRAY['ä','a','A','Z','ß','ss','É','-'])[1 + (${n}) % 8] || ${mixed(n)}`],
  },
  {
    name: "k_blind",
    keyColumns: [["id", "text COLLATE blind"]],
    key: (n) => [`(ARRAY['ä','a','É','e'])[1 + (${n}) % 4] || ${mixed(n)}`],
  },
  {
    name: "k_index_collation",
    keyColumns: [["id", `text COLLATE "de-x-icu" NOT NULL`]],
    constraints: "",
    after: `CREATE UNIQUE INDEX k_ic ON k_index_collation (id COLLATE "C");
      ALTER TABLE k_index_collation REPLICA IDENTITY USING INDEX k_ic`,
    key: (n) => [`(ARRAY['ä','a','A','Z'])[1 + (${n}) % 4] || ${mixed(n)}`],
  },
  {
    name: "k_pattern",
    keyColumns: [["id", `text COLLATE "en-x-icu" NOT NULL`]],
    constraints: "",
    after: `CREATE UNIQUE INDEX k_p ON k_pattern (id text_pattern_ops);
      ALTER TABLE k_pattern REPLICA IDENTITY USING INDEX k_p`,
    key: (n) => [`(ARRAY['ä','a','A','Z'])[1 + (${n}) % 4] || ${mixed(n)}`],
  },
  { name: "k_uuid", keyColumns: [["id", "uuid"]], key: (n) => [`${mixed(n)}::uuid`] },
  {
    name: "k_timestamptz",
    keyColumns: [["id", "timestamptz"]],
    key: (n) => [`timestamptz '0044-03-15 12:00:00+00' + (${n}) * interval '2 years 1.000001 s'`],
  },
  {
    name: "k_timestamp",
    keyColumns: [["id", "timestamp"]],
    key: (n) => [`timestamp '2020-01-01' + (${n}) * interval '1 us'`],
  },
  { name: "k_numeric", keyColumns: [["id", "numeric"]], key: (n) => [`(${n} - 700) / 7.0`] },
  { name: "k_float", keyColumns: [["id", "float8"]], key: (n) => [`(${n} - 700) / 7.0::float8`] },
  {
    name: "k_enum",
    keyColumns: [["e", "mood"], ["n", "int"]],
    key: (n) => [`(enum_range(NULL::mood))[1 + (${n}) % 3]`, n],
  },
  { name: "k_date", keyColumns: [["id", "date"]], key: (n) => [`date '0001-01-01 BC' + (${n}) * 300`] },
  {
    name: "k_interval",
    keyColumns: [["id", "interval"]],
    key: (n) => [`(${n} - 700) * interval '1 day 3 h'`],
  },
  { name: "k_bytea", keyColumns: [["id", "bytea"]], key: (n) => [`decode(${mixed(n)}, 'hex')`] },
  {
    name: "k_bool",
    keyColumns: [["b", "boolean"], ["n", "bigint"]],
    key: (n) => [`(${n}) % 2 = 0`, `-(${n})`],
  },
  { name: "k_inet", keyColumns: [["id", "inet"]], key: (n) => [`inet '10.0.0.0/8' + (${n}) * 77`] },
  { name: "k_domain", keyColumns: [["id", "positive"]], key: (n) => [n] },
  { name: "k_array", keyColumns: [["id", "int[]"]], key: (n) => [`ARRAY[(${n}) % 10, ${n}]`] },
  { name: "k_char", keyColumns: [["id", "char(40)"]], key: (n) => [mixed(n)] },
  { name: "k_varchar", keyColumns: [["id", "varchar(40)"]], key: (n) => [mixed(n)] },
  { name: "k_quotes", keyColumns: [["id", "text"]], key: (n) => [`E'\\\\ '' " \\n' || ${mixed(n)}`] },
  {
    name: "k_desc",
    keyColumns: [["a", "int NOT NULL"], ["b", "int NOT NULL"]],
    constraints: "",
    after: `CREATE UNIQUE INDEX k_d ON k_desc (a DESC, b);
      ALTER TABLE k_desc REPLICA IDENTITY USING INDEX k_d`,
    key: (n) => [`(${n}) % 11`, n],
  },
  {
    name: "k_unique",
    keyColumns: [["id", "int NOT NULL"]],
    constraints: "UNIQUE (id)",
    after: `ALTER TABLE k_unique REPLICA IDENTITY USING INDEX k_unique_id_key`,
    key: (n) => [n],
  },
  {
    name: "k_include",
    keyColumns: [["id", "int NOT NULL"]],
    constraints: "PRIMARY KEY (id) INCLUDE (small)",
    key: (n) => [n],
  },
  {
    name: "k_full",
    keyColumns: [["id", "int"]],
    after: "ALTER TABLE k_full REPLICA IDENTITY FULL",
    key: (n) => [n],
  },
  {
    name: `"K ""odd"" ; Straße"`,
    keyColumns: [[`"the id"`, "int"], [`"__proto__"`, "int"]],
    key: (n) => [n, n],
  },
];

const SETUP =
  `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE DOMAIN positive AS int CHECK (value > 0);
  CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`;

quickTest("rows with keys of many types, collations and indexes are read while they change", async () => {
  await using bed = await createFaultBed();
  await bed.sql.exec(SETUP);
  await createRows(bed.sql, KEYS, ROWS);
  await bed.sql.rows("SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", [`${bed.slot}_second`]);
  const names = KEYS.map(({ name }) => `public.${name.replace(/^"|"$/g, "").replaceAll('""', '"')}`);
  const startedWith = await readTables(bed.sql, names);
  await using writers = new RowWriters(bed.postgres, { tables: KEYS, count: ROWS, seed: 5 });
  await using capture = await startStreaming(bed, {
    SNAPSHOT_MODE: "initial",
    SNAPSHOT_ROWS_PER_SECOND: "4000",
    KAFKA_TOPIC_PARTITIONS: "2",
  });
  writers.start();
  await waitUntilSnapshotsEnd(bed, capture, names);
  await writers.stop();
  if (writers.lastError !== undefined) throw writers.lastError;
  await assertSnapshots(bed, capture, names, { reads: { startedWith, versionColumn: VERSION } });
});
