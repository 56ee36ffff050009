// Composite types that anybody may create, nested so that they have more parts than memory has room for.

import { ok, strictEqual } from "node:assert";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { createTestBed } from "../support/servers.ts";

Deno.test("nineteen types, each with the one before in it twice, stop neither their table nor another", async () => {
  await using bed = await createTestBed();
  const types = Array.from(
    { length: 18 },
    (_, index) => `CREATE TYPE t${index + 1} AS (a t${index}, b t${index})`,
  );
  await bed.sql.exec(`CREATE TYPE t0 AS (a int, b int); ${types.join(";")};
    CREATE TABLE nested (id int PRIMARY KEY, v t18); CREATE TABLE plain (id int PRIMARY KEY)`);
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO nested VALUES (1, NULL); INSERT INTO plain VALUES (2)");
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount: 2 });
  strictEqual(records.map(({ key }) => key).sort().join(), '{"id":1},{"id":2}');
  const status = Deno.readTextFileSync(`/proc/${capture.pid}/status`);
  const peakMb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  ok(peakMb < 150, `${peakMb} MB`);
});
