// Servers that move: a standby that takes over with a synchronised slot, a broker at another address.

import { match, strictEqual } from "node:assert";
import { type PostgresServer, startPostgres } from "../../dev/servers/postgres.ts";
import { delay } from "../../dev/servers/server_process.ts";
import {
  assertExactlyOnce,
  copyFolder,
  createFaultBed,
  type FaultBed,
  startStreaming,
  waitForCommits,
} from "../support/fault_bed.ts";
import { startProxy } from "../support/proxy.ts";
import { lastingSql, type Sql } from "../../dev/servers/psql.ts";
import { quickTest, slowTest } from "../support/speed.ts";
import { Writers } from "../support/writer.ts";

slowTest("a failover to a standby with a synchronised slot loses and repeats nothing", async () => {
  await using bed = await createFaultBed({
    postgres: { settings: { synchronized_standby_slots: "standby" } },
  });
  await using standby = await startStandby(bed);
  await using onStandby = lastingSql(addressOn(bed, standby));
  await using capture = await startStreaming(bed, { PG_SLOT_FAILOVER: "true" });
  await using writers = new Writers(bed.postgres, 2, 71).start();
  await waitForCommits(bed, capture, 5);
  await untilSynchronised(bed, onStandby);
  await waitForCommits(bed, capture, 5);
  await bed.postgresServer.stop("immediate");
  await writers.stop();
  strictEqual(await onStandby.value("SELECT pg_promote()"), "t");
  bed.toPostgres.moveTo(standby.port);
  await onStandby.exec("INSERT INTO account VALUES (7777777, 'after the failover', 0)");
  await waitForCommits(bed, capture);
  await assertExactlyOnce({
    sql: onStandby,
    slot: bed.slot,
    publication: bed.publication,
    brokers: bed.brokers,
    topicPrefix: bed.topicPrefix,
  }, capture);
});

slowTest(
  "before the standby is promoted its synchronised slot is waited for, and not taken for a lost one",
  async () => {
    await using bed = await createFaultBed({
      postgres: { settings: { synchronized_standby_slots: "standby" } },
    });
    await using standby = await startStandby(bed);
    await using onStandby = lastingSql(addressOn(bed, standby));
    await using capture = await startStreaming(bed, { PG_SLOT_FAILOVER: "true" });
    await using writers = new Writers(bed.postgres, 2, 74).start();
    await waitForCommits(bed, capture, 5);
    await untilSynchronised(bed, onStandby);
    await waitForCommits(bed, capture, 5);
    await bed.postgresServer.stop("immediate");
    await writers.stop();
    bed.toPostgres.moveTo(standby.port);
    const line = await capture.waitForLog(/being synchronized from the primary.*retry_in_ms/);
    match(line, /fix: point PG_HOST at the primary, or promote this server/);
    // Long enough for more than one try.
    await delay(2_000);
    strictEqual(await onStandby.value("SELECT pg_promote()"), "t");
    await onStandby.exec("INSERT INTO account VALUES (7777777, 'after the failover', 0)");
    await waitForCommits(bed, capture);
    await assertExactlyOnce({
      sql: onStandby,
      slot: bed.slot,
      publication: bed.publication,
      brokers: bed.brokers,
      topicPrefix: bed.topicPrefix,
    }, capture);
    strictEqual(capture.log.some((each) => /teardown|drop/.test(each)), false, capture.log.join("\n"));
  },
);

slowTest(
  "of several hosts the writable one is found again after a failover, nothing lost or repeated",
  async () => {
    await using bed = await createFaultBed({
      postgres: { settings: { synchronized_standby_slots: "standby" } },
    });
    await using standby = await startStandby(bed);
    await using onStandby = lastingSql(addressOn(bed, standby));
    await using capture = await startStreaming(bed, {
      PG_HOST: "127.0.0.1,localhost",
      PG_PORT: `${standby.port},${bed.postgresServer.port}`,
      PG_SLOT_FAILOVER: "true",
    });
    await using writers = new Writers(bed.postgres, 2, 73).start();
    await waitForCommits(bed, capture, 5);
    await untilSynchronised(bed, onStandby);
    await waitForCommits(bed, capture, 5);
    await bed.postgresServer.stop("immediate");
    await writers.stop();
    // The failover is not done yet: there is a standby and a closed port, and pg-capture waits.
    await capture.waitForLog(/Cannot find a writable PostgreSQL server: .*read-only; .*connection refused/);
    strictEqual(await onStandby.value("SELECT pg_promote()"), "t");
    await onStandby.exec("INSERT INTO account VALUES (7777777, 'after the failover', 0)");
    await waitForCommits(bed, capture);
    await assertExactlyOnce({
      sql: onStandby,
      slot: bed.slot,
      publication: bed.publication,
      brokers: bed.brokers,
      topicPrefix: bed.topicPrefix,
    }, capture);
  },
);

quickTest("a broker that is found at another address only is found there", async () => {
  await using bed = await createFaultBed();
  await using other = await startProxy({ port: Number(bed.brokers.split(":")[1]), protocol: "kafka" });
  await using capture = await startStreaming(bed, {
    KAFKA_BROKERS: `${bed.toKafka.address},${other.address}`,
  });
  await using writers = new Writers(bed.postgres, 1, 72).start();
  await waitForCommits(bed, capture);
  await bed.toKafka.refuse();
  bed.toKafka.reset();
  while (other.connections === 0) await delay(50);
  await waitForCommits({ toKafka: other }, capture);
  await assertExactlyOnce(bed, capture, writers);
});

/** A copy of the bed's server that follows it, and its slots. */
async function startStandby(bed: FaultBed): Promise<PostgresServer> {
  const primary = bed.postgresServer;
  const dataDir = `${primary.dataDir}-standby`;
  await bed.sql.rows("SELECT pg_create_physical_replication_slot('standby')");
  await primary.stop("fast");
  await copyFolder(primary.dataDir, dataDir);
  await primary.start();
  await Deno.writeTextFile(`${dataDir}/standby.signal`, "");
  const { host, port, user, password, database } = bed.postgres;
  return await startPostgres({
    dataDir,
    settings: {
      primary_conninfo: `host=${host} port=${port} user=${user} password=${password} dbname=${database}`,
      primary_slot_name: "standby",
      hot_standby_feedback: true,
      sync_replication_slots: true,
      synchronized_standby_slots: "",
      wal_receiver_status_interval: "1s",
    },
  });
}

function addressOn(bed: FaultBed, { host, port }: PostgresServer) {
  return { ...bed.postgres, host, port };
}

async function untilSynchronised(bed: FaultBed, onStandby: Sql): Promise<void> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const state = await onStandby.value(
      "SELECT synced AND NOT temporary FROM pg_replication_slots WHERE slot_name = $1",
      [bed.slot],
    );
    if (state === "t") return;
    if (Date.now() > deadline) throw new Error("the standby does not have the slot after 90 s");
    await delay(200);
  }
}
