// Tables that are altered all the time while rows are written, and a capture that is killed every few seconds.

import { deepStrictEqual, ok } from "node:assert";
import { sql } from "../../dev/servers/psql.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { readTopics } from "../support/consumer.ts";
import { createFaultBed, type FaultBed, startStreaming } from "../support/fault_bed.ts";
import { checkHistory } from "../support/history.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { createSecondSlot, readSecondSlot } from "../support/second_slot.ts";
import { slowTest } from "../support/speed.ts";
import { randomOf } from "../support/writer.ts";

const RUNS = 24;
const RUN_MS = 4_000;
const SEED = 77;

const TABLES = `
  CREATE TABLE whole (id int CONSTRAINT whole_pkey PRIMARY KEY, code int NOT NULL, note text);
  ALTER TABLE whole REPLICA IDENTITY FULL;
  CREATE TABLE plain (id int CONSTRAINT plain_pkey PRIMARY KEY, code int NOT NULL, note text);
  CREATE TABLE root (id int CONSTRAINT root_pkey PRIMARY KEY, code int NOT NULL, note text) PARTITION BY RANGE (id);
  CREATE TABLE low PARTITION OF root FOR VALUES FROM (0) TO (500);
  CREATE TABLE high PARTITION OF root FOR VALUES FROM (500) TO (2000)`;

type Alteration = (table: string) => string;

const ALTERATIONS: readonly Alteration[] = [
  (table) => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS extra int DEFAULT 3`,
  (table) => `ALTER TABLE ${table} DROP COLUMN IF EXISTS extra`,
  (table) => `ALTER TABLE ${table} ALTER COLUMN note TYPE varchar(200)`,
  (table) => `ALTER TABLE ${table} ALTER COLUMN note TYPE text`,
  (table) =>
    `ALTER TABLE ${table} RENAME COLUMN note TO noted; ALTER TABLE ${table} RENAME COLUMN noted TO note`,
  () => "ALTER TABLE whole DROP CONSTRAINT whole_pkey",
  () => "ALTER TABLE whole ADD CONSTRAINT whole_pkey PRIMARY KEY (id)",
  () => "ALTER TABLE whole ADD CONSTRAINT whole_pkey PRIMARY KEY (code)",
  () => "ALTER TABLE plain REPLICA IDENTITY FULL",
  () => "ALTER TABLE plain REPLICA IDENTITY DEFAULT",
  () => "TRUNCATE whole, plain",
];

slowTest(
  "rows and tables change under a capture that is killed every few seconds: each change is there once",
  async () => {
    await using bed = await createFaultBed({ publish: false });
    await bed.sql.exec(TABLES);
    await bed.sql.exec(
      `CREATE PUBLICATION ${bed.publication} FOR ALL TABLES WITH (publish_via_partition_root = true)`,
    );
    await createSecondSlot(bed.sql, bed.slot);
    const random = randomOf(SEED);
    const committed = new Set<Alteration>();
    for (let run = 0; run < RUNS; run++) {
      await using capture = await startStreaming(bed);
      const end = Date.now() + RUN_MS * random();
      while (Date.now() < end) await writeAndAlter(bed, random, committed);
      await capture.kill();
      // Some tables are altered while nobody looks.
      for (let step = 0; step < 5; step++) await writeAndAlter(bed, random, committed);
    }
    await using capture = await startStreaming(bed);
    await waitUntilConfirmed(bed, capture);
    const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
    const decoded = await readSecondSlot(bed.sql, bed.slot, bed.publication) ?? [];
    for (const alteration of ALTERATIONS) ok(committed.has(alteration), `never done: ${alteration("t")}`);
    ok(decoded.length > 1_000, `only ${decoded.length} changes`);
    const problems = checkHistory(records, undefined, { decoded, replays: false })
      // A key that changes takes a row's changes to other partitions.
      .filter(({ kind }) => kind !== "partition");
    deepStrictEqual(problems.slice(0, 10), [], `${problems.length} problems in ${records.length} records`);
  },
);

/** A transaction of some statements; one that fails is one that rolls back. */
async function writeAndAlter(
  { postgres }: FaultBed,
  random: () => number,
  committed: Set<Alteration>,
): Promise<void> {
  const alterations: Alteration[] = [];
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)]!;
  const statements = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
    const table = pick(["whole", "plain", "root"]);
    if (random() < 0.2) {
      const alteration = pick(ALTERATIONS);
      alterations.push(alteration);
      return alteration(table);
    }
    const id = Math.floor(random() * 1_000);
    return pick([
      `INSERT INTO ${table} (id, code, note) SELECT g, g, 'row ' || g FROM generate_series(${id}, ${
        id + 20
      }) g
       WHERE NOT EXISTS (SELECT FROM ${table} WHERE id = g OR code = g)`,
      `UPDATE ${table} SET note = note || '.' WHERE id BETWEEN ${id} AND ${id + 50}`,
      `UPDATE ${table} SET id = id + 1, code = code + 1 WHERE id = (SELECT max(id) FROM ${table} WHERE id < 1900)`,
      `DELETE FROM ${table} WHERE id BETWEEN ${id} AND ${id + 10}`,
    ]);
  });
  await using connection = await sql(postgres);
  const isCommitted = await connection.exec(`BEGIN; ${statements.join("; ")}; COMMIT`).then(
    () => true,
    () => false,
  );
  if (isCommitted) { for (const alteration of alterations) committed.add(alteration); }
  await delay(5);
}
