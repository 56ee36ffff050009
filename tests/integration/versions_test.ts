// The main job on every PostgreSQL and Kafka that is supported, with a kill in between.

import { notStrictEqual } from "node:assert";
import { startKafka } from "../../dev/servers/kafka.ts";
import { type PostgresMajor, startPostgres } from "../../dev/servers/postgres.ts";
import { startCapture } from "../support/capture.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, type Servers, sharedServers } from "../support/servers.ts";
import { createWriterTables, WRITER_TABLES, Writers } from "../support/writer.ts";

for (const major of [14, 15, 16, 18] satisfies PostgresMajor[]) {
  Deno.test(`PostgreSQL ${major}: each change once, killed in between`, async () => {
    const { brokers } = await sharedServers();
    await using postgres = await startPostgres({ major });
    await capturesOn({ postgres, brokers });
  });
}

Deno.test("Kafka 3.9: each change once, killed in between", async () => {
  const { postgres } = await sharedServers();
  await using kafka = await startKafka({ version: "3.9.1" });
  await capturesOn({ postgres, brokers: kafka.bootstrap });
});

async function capturesOn(servers: Servers): Promise<void> {
  await using bed = await createTestBed({ servers, secondSlot: true });
  await createWriterTables(bed.sql);
  await using writers = new Writers(bed.postgres, 2, 3);
  {
    await using first = await startCapture({ env: bed.env });
    await first.waitForLog("Streaming");
    writers.start();
    await new Promise((resolve) => setTimeout(resolve, 700));
    await first.kill();
  }
  await using second = await startCapture({ env: bed.env });
  await second.waitForLog("Streaming");
  await new Promise((resolve) => setTimeout(resolve, 500));
  await writers.stop();
  await waitUntilConfirmed(bed, second);
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
  // A database on shared servers outlives the test unless its slot is let go.
  await second.terminate();
}
