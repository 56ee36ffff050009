// What the machine does to a capture: full disks, a clock that jumps, little memory, an address that moves, a bug.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { delay } from "../../dev/servers/server_process.ts";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { assertExactlyOnce, createFaultBed, startStreaming, waitForCommits } from "../support/fault_bed.ts";
import {
  boundMemory,
  MEMORY_OBSTACLE,
  MOUNT_OBSTACLE,
  mountSmallDisk,
  withHostsFile,
} from "../support/machine.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { startProxy } from "../support/proxy.ts";
import { quickTest, slowTest } from "../support/speed.ts";
import { Writers } from "../support/writer.ts";

const ODD_MAIN = fileURLToPath(new URL("odd_main.ts", import.meta.url));
const MB = 1024 * 1024;

quickTest(
  "the clock jumps an hour forth and back, again and again: nothing is late, lost or repeated",
  async () => {
    await using bed = await createFaultBed();
    // A position that no change goes with, as after a rollback, is confirmed that much later.
    const env = { ODD: "clock", REPLICATION_CHECKPOINT_INTERVAL_SECS: "2" };
    await using capture = await startStreaming(bed, env, { script: ODD_MAIN });
    await using writers = new Writers(bed.postgres, 2, 81).start();
    await delay(4_000);
    deepStrictEqual(capture.log.filter((line) => line.includes("retry_in_ms")), []);
    await writers.stop();
    await bed.sql.exec("BEGIN; DELETE FROM account; ROLLBACK");
    await assertExactlyOnce(bed, capture, writers, 10_000);
  },
);

quickTest("a bug's unhandled rejection ends it with 1 and one line, and the next run goes on", async () => {
  await using bed = await createFaultBed();
  await using writers = new Writers(bed.postgres, 2, 82);
  {
    await using capture = await startStreaming(bed, { ODD: "bug" }, { script: ODD_MAIN });
    writers.start();
    capture.signal("SIGUSR1");
    strictEqual((await capture.waitForExit()).code, 1);
    const errors = capture.log.filter((line) => line.includes(" error "));
    ok(errors.length === 1 && /bug in pg-capture .*planted/.test(errors[0] ?? ""), errors.join("\n"));
  }
  await using capture = await startStreaming(bed);
  await assertExactlyOnce(bed, capture, writers);
});

quickTest(
  "the checkpoint's disk is full: it streams on with a warning, and saves again when there is room",
  async () => {
    await using bed = await createFaultBed();
    const folder = `${bed.folder}/disk`;
    await Deno.mkdir(folder);
    await using disk = mountSmallDisk(folder, MB);
    await using capture = await startStreaming(bed, { REPLICATION_CHECKPOINT_FILE: `${folder}/checkpoint` });
    await using writers = new Writers(bed.postgres, 1, 83).start();
    await waitForCommits(bed, capture);
    await disk.fill();
    await capture.waitForLog("The checkpoint can't be kept");
    await waitForCommits(bed, capture, 5);
    await disk.free();
    await capture.waitForLog("Saving the checkpoint works again");
    await assertExactlyOnce(bed, capture, writers);
  },
  MOUNT_OBSTACLE,
);

slowTest("PostgreSQL's disk is full, and roomy again: capture goes on", async () => {
  const folder = await Deno.makeTempDir({ prefix: "pg-capture-disk-" });
  await using disk = mountSmallDisk(folder, 160 * MB);
  await Deno.mkdir(`${folder}/data`);
  await Deno.chmod(folder, 0o755);
  {
    await using bed = await createFaultBed({
      postgres: { dataDir: `${folder}/data`, settings: { max_wal_size: "48MB", min_wal_size: "32MB" } },
    });
    await using capture = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 2, 84).start();
    await waitForCommits(bed, capture);
    await disk.fill();
    const before = writers.transactions;
    await delay(6_000);
    await disk.free();
    // When there is no room for WAL it panics, and can't start.
    await bed.postgresServer.start();
    await waitForCommits(bed, capture, 5);
    ok(writers.transactions > before, "nothing was written after it");
    ok((await Deno.readTextFile(bed.postgresServer.logFile)).includes("No space left on device"));
    await assertExactlyOnce(bed, capture, writers);
  }
  await disk[Symbol.asyncDispose]();
  await Deno.remove(folder);
}, MOUNT_OBSTACLE);

quickTest("PostgreSQL moves to another address behind its name: found there at the next try", async () => {
  await using bed = await createFaultBed();
  const hosts = `${bed.folder}/hosts`;
  await Deno.writeTextFile(hosts, "127.0.0.1 localhost db.test\n");
  const { port } = bed.toPostgres;
  await using elsewhere = await startProxy({
    port: bed.postgres.port,
    protocol: "any",
    at: { host: "127.0.0.2", port },
  });
  await using capture = await startStreaming(bed, { PG_HOST: "db.test" }, { wrapper: withHostsFile(hosts) });
  await using writers = new Writers(bed.postgres, 1, 85).start();
  await waitForCommits(bed, capture);
  await Deno.writeTextFile(hosts, "127.0.0.1 localhost\n127.0.0.2 db.test\n");
  await bed.toPostgres.refuse();
  bed.toPostgres.reset();
  await waitForCommits(bed, capture);
  ok(elsewhere.connections > 0);
  await assertExactlyOnce(bed, capture, writers);
}, MOUNT_OBSTACLE);

slowTest("a transaction of 1 GB passes through a process that has 256 MB", async () => {
  const rows = 300_000;
  await using bed = await createFaultBed();
  using memory = boundMemory(256 * MB);
  await using capture = await startCapture({ env: bed.env, wrapper: memory.wrapper });
  await capture.waitForLog("Streaming");
  ok(memory.holds(capture.pid));
  await bed.sql.exec(
    `INSERT INTO account SELECT g, repeat('0123456789abcdef', 220), g FROM generate_series(1, ${rows}) g`,
  );
  await waitUntilConfirmed(bed, capture, 300_000);
  const records = await readTopics({
    brokers: bed.brokers,
    prefix: bed.topicPrefix,
    shorten: (value) => /"id":(\d+),/.exec(value)?.[1] + " " + /"tx_seq":(\d+)/.exec(value)?.[1],
  });
  const expected = Array.from({ length: rows }, (_, index) => `${index + 1} ${index + 1}`);
  deepStrictEqual(records.map(({ value }) => value), expected);
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
}, MEMORY_OBSTACLE);
