// Snapshots under everything at once, and at their pace for long.

import { ok } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { sql } from "../../dev/servers/psql.ts";
import { startCapture } from "../support/capture.ts";
import { createFaultBed, type FaultBed, startStreaming } from "../support/fault_bed.ts";
import { assertSnapshots, readStoredSnapshots } from "../support/snapshot_oracle.ts";
import { createRows, ITEM, RowWriters, VERSION } from "../support/snapshot_writer.ts";
import { slowTest } from "../support/speed.ts";
import { readTables } from "../support/table_rows.ts";
import { randomOf } from "../support/writer.ts";

const SEED = Number(Deno.env.get("SNAPSHOT_MIX_SEED") ?? 1);
const MIX_MS = 120_000;
const TABLES = ["public.item"];

slowTest(
  `kills, crashes of both servers, long transactions and rewritten tables: each row once (seed ${SEED})`,
  async () => {
    await using bed = await createFaultBed({ postgres: {}, kafka: {} });
    await bed.sql.exec(`ALTER DATABASE ${bed.postgres.database} SET wal_sender_timeout = '3s'`);
    await createRows(bed.sql, [ITEM], 24_000);
    await bed.sql.exec("CREATE TABLE elsewhere (n int)");
    await bed.sql.rows("SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", [
      `${bed.slot}_second`,
    ]);
    // A crash takes back what no checkpoint has.
    await bed.sql.exec("CHECKPOINT");
    const startedWith = await readTables(bed.sql, TABLES);
    const random = randomOf(SEED);
    const env = { ...bed.env, SNAPSHOT_MODE: "initial", KAFKA_TOPIC_PARTITIONS: "3" };
    const slowly = { ...env, SNAPSHOT_ROWS_PER_SECOND: "250" };
    let capture = await startCapture({ env: slowly });
    try {
      await capture.waitForLog("Streaming");
      await using writers = new RowWriters(bed.postgres, {
        ...{ tables: [ITEM], count: 24_000, seed: SEED, transactionsPerSecond: 200 },
      }).start();
      const over = new AbortController();
      const beside = [openLong(bed, random, over.signal), rewrite(bed, over.signal)];
      const faults = [
        async () => {
          await capture.kill();
          capture = await startCapture({ env: slowly });
        },
        async () => {
          await bed.postgresServer.stop("immediate");
          await bed.postgresServer.start();
        },
        async () => {
          await bed.kafkaServer.kill();
          await bed.kafkaServer.start();
        },
      ];
      const endsAt = Date.now() + MIX_MS;
      while (Date.now() < endsAt) {
        await delay(1_000 + random() * 4_000);
        await faults[Math.floor(random() * 2 * faults.length)]?.();
      }
      over.abort();
      await Promise.all(beside);
      const { status, rows } = (await readStoredSnapshots(bed)).get("public.item")!;
      ok(status !== "failed" && rows > 0, `${status} ${rows}`);
      await capture.kill();
      capture = await startStreaming(bed, { SNAPSHOT_MODE: "initial", KAFKA_TOPIC_PARTITIONS: "3" });
      await writers.stop();
      await assertSnapshots(bed, capture, TABLES, {
        reads: { startedWith, versionColumn: VERSION },
        timeoutMs: 120_000,
      });
    } finally {
      await capture.kill();
    }
  },
);

slowTest("200,000 rows with four readers come as fast as they may, within a fifth", async () => {
  await using bed = await createFaultBed();
  await createRows(bed.sql, [ITEM, { ...ITEM, name: "other" }], 100_000);
  const startedAt = Date.now();
  await using capture = await startCapture({
    env: { ...bed.env, SNAPSHOT_MODE: "only", SNAPSHOT_READERS: "4", SNAPSHOT_ROWS_PER_SECOND: "10000" },
  });
  const { code } = await capture.waitForExit(60_000);
  const seconds = (Date.now() - startedAt) / 1_000;
  ok(code === 0 && seconds > 16 && seconds < 24, `${code} after ${seconds} s`);
});

/** Transactions that stay open for seconds, and have written. */
async function openLong(bed: FaultBed, random: () => number, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    try {
      await using connection = await sql(bed.postgres);
      await connection.exec("BEGIN; INSERT INTO elsewhere VALUES (1)");
      await delay(1_000 + random() * 7_000);
      await connection.exec(random() < 0.5 ? "COMMIT" : "ROLLBACK");
    } catch {
      await delay(200);
    }
  }
}

/** What rewrites the table without changing a row. */
async function rewrite(bed: FaultBed, over: AbortSignal): Promise<void> {
  for (let turn = 0; !over.aborted; turn++) {
    await delay(6_000);
    try {
      await using connection = await sql(bed.postgres);
      await connection.exec("SET lock_timeout = '2s'");
      await connection.exec(
        ["VACUUM FULL item", "CLUSTER item USING item_pkey", "REINDEX TABLE item"][turn % 3]!,
      );
    } catch {
      // The server is down, or writers hold the table.
    }
  }
}
