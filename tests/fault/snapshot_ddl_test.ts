// What is done to tables while their rows are read.

import { deepStrictEqual, ok } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { createFaultBed, type FaultBed, startStreaming } from "../support/fault_bed.ts";
import type { ReadChecks } from "../support/reads.ts";
import { assertSnapshots, readStoredSnapshots, waitUntilSnapshotsEnd } from "../support/snapshot_oracle.ts";
import { createRows, ITEM, RowWriters, VERSION } from "../support/snapshot_writer.ts";
import { quickTest } from "../support/speed.ts";
import { readTables } from "../support/table_rows.ts";

const ROWS = 8_000;
const TABLES = ["public.item"];

interface Alteration {
  readonly name: string;
  /** One after the other, while rows are read. */
  readonly statements: readonly string[];
  readonly reads?: ReadChecks;
  /** What brings every row to the topic as it is at the end. */
  readonly last?: string;
  readonly before?: string;
}

const TOUCH_ALL = "UPDATE item SET version = nextval('row_version'), big = 'last', small = 'last'";

const ALTERATIONS: readonly Alteration[] = [
  { name: "a table is truncated", statements: ["TRUNCATE item"] },
  {
    name: "a table is vacuumed, clustered and indexed anew",
    statements: ["VACUUM FULL item", "CLUSTER item USING item_pkey", "REINDEX TABLE item", "ANALYZE item"],
  },
  {
    name: "a table gets columns and loses one",
    before: "ALTER TABLE item ADD COLUMN gone int DEFAULT 1",
    statements: [
      "ALTER TABLE item ADD COLUMN plain text",
      "ALTER TABLE item ADD COLUMN filled int NOT NULL DEFAULT 7",
      "ALTER TABLE item DROP COLUMN gone",
      "ALTER TABLE item ADD COLUMN rewritten float8 DEFAULT random()",
    ],
    reads: { isAltered: true },
    last: TOUCH_ALL,
  },
  {
    name: "a table's columns get other names and types",
    before: "ALTER TABLE item ADD COLUMN n int DEFAULT 1, ADD COLUMN t timestamp DEFAULT now()",
    statements: [
      "ALTER TABLE item RENAME COLUMN n TO m",
      "ALTER TABLE item ALTER COLUMN m TYPE bigint",
      "ALTER TABLE item ALTER COLUMN m TYPE text USING 'm' || m",
      "ALTER TABLE item ALTER COLUMN t TYPE date",
      "ALTER TABLE item RENAME COLUMN t TO n",
      // The rows come again: with another type the keys may have another order.
      "ALTER TABLE item ALTER COLUMN id TYPE int",
    ],
    reads: { isAltered: true, mayRepeat: true },
    last: TOUCH_ALL,
  },
  {
    name: "a table's key gets another name, index and replica identity",
    statements: [
      "BEGIN; ALTER TABLE item RENAME COLUMN id TO other; ALTER TABLE item RENAME COLUMN other TO id; COMMIT",
      "BEGIN; ALTER TABLE item DROP CONSTRAINT item_pkey; ALTER TABLE item ADD PRIMARY KEY (id); COMMIT",
      "ALTER TABLE item REPLICA IDENTITY FULL",
      "ALTER TABLE item REPLICA IDENTITY DEFAULT",
    ],
    reads: { mayRepeat: true },
  },
  {
    name: "a table is dropped, and another one takes its name",
    statements: [
      `CREATE TABLE other (id bigint PRIMARY KEY, version bigint NOT NULL, small text, big text);
       INSERT INTO other SELECT n, nextval('row_version'), 'new', 'new' FROM generate_series(1, ${
        2 * ROWS
      }) n`,
      `BEGIN; LOCK TABLE item; UPDATE other SET version = nextval('row_version'); DROP TABLE item;
       ALTER TABLE other RENAME TO item; COMMIT`,
    ],
    reads: { mayRepeat: true },
    last: TOUCH_ALL,
  },
];

for (const { name, statements, reads = {}, last, before } of ALTERATIONS) {
  quickTest(`${name} while its rows are read`, async () => {
    await using bed = await createFaultBed();
    await createRows(bed.sql, [ITEM], ROWS);
    if (before !== undefined) await bed.sql.exec(before);
    await advanceSecondSlot(bed);
    const startedWith = await readTables(bed.sql, TABLES);
    await using writers = new RowWriters(bed.postgres, {
      tables: [ITEM],
      count: ROWS,
      seed: 4,
      transactionsPerSecond: 200,
    });
    await using capture = await startStreaming(bed, {
      SNAPSHOT_MODE: "initial",
      SNAPSHOT_ROWS_PER_SECOND: "3000",
    });
    writers.start();
    for (const statement of statements) {
      await delay(400);
      await bed.sql.exec(statement);
    }
    ok((await readStoredSnapshots(bed)).get("public.item")?.status !== "complete", "it came too late");
    await waitUntilSnapshotsEnd(bed, capture, TABLES);
    await writers.stop();
    if (last !== undefined) await bed.sql.exec(last);
    await assertSnapshots(bed, capture, TABLES, {
      reads: { ...(reads.mayRepeat === true ? {} : { startedWith }), versionColumn: VERSION, ...reads },
    });
  });
}

quickTest("a key's type becomes another, which has another order, while rows are read", async () => {
  await using bed = await createFaultBed();
  const busy = { ...ITEM, name: "busy" };
  // As text, "10000" comes before "9", which may be read by then.
  const rows = 14_000;
  await createRows(bed.sql, [ITEM, busy], rows);
  await advanceSecondSlot(bed);
  await using writers = new RowWriters(bed.postgres, {
    tables: [busy],
    count: 10,
    seed: 4,
    transactionsPerSecond: 50,
  });
  await using capture = await startStreaming(bed, {
    SNAPSHOT_MODE: "initial",
    SNAPSHOT_ROWS_PER_SECOND: "3000",
    SNAPSHOT_TABLES: "public.item",
  });
  writers.start();
  await capture.waitForLog("Snapshot started table=public.item");
  await delay(1_000);
  await bed.sql.exec(`ALTER TABLE item ALTER COLUMN id TYPE text USING id::text`);
  await waitUntilSnapshotsEnd(bed, capture, TABLES);
  await writers.stop();
  const { records } = await assertSnapshots(bed, capture, TABLES, {
    hasAllRows: false,
    reads: { mayRepeat: true },
  });
  const ids = new Set(
    records.filter(({ topic }) => topic.endsWith(".item")).map(({ key }) => String(JSON.parse(key!).id)),
  );
  deepStrictEqual([...Array(rows).keys()].map((n) => String(n + 1)).filter((id) => !ids.has(id)), []);
});

async function advanceSecondSlot({ sql, slot }: FaultBed): Promise<void> {
  await sql.rows("SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", [`${slot}_second`]);
}
