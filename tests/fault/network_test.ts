// What networks do, on each of the two links: slow, thin, cut, silent, half open, flapping.

import { ok } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { assertExactlyOnce, createFaultBed, startStreaming, waitForCommits } from "../support/fault_bed.ts";
import type { CaptureProcess } from "../support/capture.ts";
import { startProxy, type Way } from "../support/proxy.ts";
import { quickTest, slowTest } from "../support/speed.ts";
import { Writers } from "../support/writer.ts";

type LinkName = "toPostgres" | "toKafka";

const LINKS: readonly LinkName[] = ["toPostgres", "toKafka"];
const NOTICED_MS_MAX = 30_000;

for (const link of LINKS) {
  const server = link === "toPostgres" ? "PostgreSQL" : "Kafka";

  quickTest(
    `the connection to ${server} is reset again and again, at start and later`,
    async () => {
      await using bed = await createFaultBed();
      await using capture = await startStreaming(bed);
      await using writers = new Writers(bed.postgres, 1, 61).start();
      // A connection that lives for so long dies anywhere: in the handshake, in a query, in a message.
      for (const livesMs of [5, 20, 60, 150]) {
        bed[link].reset();
        const seen = bed[link].connections;
        await until(() => bed[link].connections > seen, capture);
        await delay(livesMs);
      }
      bed[link].reset();
      await waitForCommits(bed, capture);
      await assertExactlyOnce(bed, capture, writers);
    },
  );

  quickTest(`${server} is reached one byte at a time`, async () => {
    await using bed = await createFaultBed();
    bed[link].set({ sliceBytes: 1 });
    await using capture = await startStreaming(bed);
    await bed.sql.exec("INSERT INTO account SELECT g, 'bytes', 0 FROM generate_series(1, 60) g");
    await bed.sql.exec("DELETE FROM account WHERE id % 2 = 0");
    await assertExactlyOnce(bed, capture);
  });

  slowTest(
    `the link to ${server} flaps: reset every 150 ms for a while, then connections are refused`,
    async () => {
      await using bed = await createFaultBed();
      await using capture = await startStreaming(bed);
      await using writers = new Writers(bed.postgres, 1, 62).start();
      await waitForCommits(bed, capture);
      await bed[link].flap(150, AbortSignal.timeout(3_000));
      await bed[link].refuse();
      bed[link].reset();
      await delay(1_500);
      await bed[link].accept();
      await waitForCommits(bed, capture);
      await assertExactlyOnce(bed, capture, writers);
    },
  );

  quickTest(`the link to ${server} stalls for a moment, either way, and goes on`, async () => {
    await using bed = await createFaultBed();
    await using capture = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 1, 63).start();
    for (const way of ["to-server", "to-client", "both"] as const) {
      await waitForCommits(bed, capture);
      bed[link].stall(way);
      await delay(800);
      bed[link].heal();
    }
    await waitForCommits(bed, capture);
    await assertExactlyOnce(bed, capture, writers);
  });

  slowTest(`latency of 500 ms, 200 more or less, on the link to ${server}`, async () => {
    await using bed = await createFaultBed();
    bed[link].set({ latencyMs: 250, jitterMs: 100 });
    await using capture = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 2, 64).start();
    // On the way to Kafka a megabyte takes three turns, 1.5 s: what is written meanwhile needs a minute.
    await delay(8_000);
    await assertExactlyOnce(bed, capture, writers, 180_000);
  });

  slowTest(`10 kB a second on the link to ${server}`, async () => {
    await using bed = await createFaultBed();
    bed[link].set({ bytesPerSecond: 10_000 });
    await using capture = await startStreaming(bed);
    await bed.sql.exec(
      "INSERT INTO entry (account, note) SELECT g, md5(g::text) FROM generate_series(1, 3000) g",
    );
    await bed.sql.exec("UPDATE entry SET amount = 1 WHERE id < 100");
    await assertExactlyOnce(bed, capture, undefined, 240_000);
  });

  for (const way of ["both", "to-server", "to-client"] as const) {
    slowTest(`a black hole of 45 s (${way}) on the link to ${server} is noticed within 30 s`, async () => {
      await blackHole(link, way);
    });
  }

  slowTest(`a half-open link to ${server} is noticed within 30 s`, async () => {
    await using bed = await createFaultBed();
    await using capture = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 1, 66).start();
    await waitForCommits(bed, capture);
    await noticed(capture, () => bed[link].stall());
    // The other end closes what it thinks is dead; nothing of it comes through before the link is well again.
    bed[link].heal();
    await waitForCommits(bed, capture);
    await assertExactlyOnce(bed, capture, writers, 120_000);
  });

  slowTest(`${server} is silent at whatever step of the start, and that is noticed within 30 s`, async () => {
    await using bed = await createFaultBed();
    await bed.sql.exec("INSERT INTO account VALUES (1, 'here before', 0); DELETE FROM account");
    for (const livesMs of [0, 15, 30, 60, 90, 130]) {
      await using capture = await startStreaming(bed, {
        REPLICATION_CHECKPOINT_FILE: `${bed.folder}/c${livesMs}`,
      });
      const seen = bed[link].connections;
      bed.toPostgres.reset();
      await until(() => bed[link].connections > seen, capture);
      await delay(livesMs);
      const telling = noticed(capture, () => bed[link].blackHole());
      // What is silent is noticed when it is needed.
      await bed.sql.exec(`INSERT INTO account VALUES (${10 + livesMs}, 'silent', 0)`);
      await telling;
      bed[link].heal();
      bed[link].reset();
      await assertExactlyOnce(bed, capture);
      await capture.kill();
    }
  });
}

// Both sides' messages of a session that connects, asks, streams and confirms.
const POSTGRES_MESSAGES = {
  server: ["R", "S", "K", "Z", "T", "D", "C", "W", "k", "w:B", "w:R", "w:I", "w:U", "w:D", "w:C"],
  client: ["startup", "p", "Q", "r"],
} as const;

slowTest("a reset at every kind of message from and to PostgreSQL changes nothing", async () => {
  await using bed = await createFaultBed();
  await using proxy = await startProxy({ port: bed.postgres.port, protocol: "postgres" });
  await using capture = await startStreaming(bed, { PG_PORT: String(proxy.port) });
  await using writers = new Writers(bed.postgres, 1, 67).start();
  for (const side of ["server", "client"] as const) {
    for (const kind of POSTGRES_MESSAGES[side]) {
      const cut = proxy.cut(side, kind);
      // What comes only at the start comes again after a reset.
      for (
        let waitMs = 200;
        !await Promise.race([cut.caught.then(() => true), delay(waitMs)]);
        waitMs = 5_000
      ) {
        ok(capture.running, capture.log.slice(-15).join("\n"));
        proxy.reset();
      }
      await waitForCommits(bed, capture, 1);
    }
  }
  await assertExactlyOnce(bed, capture, writers);
});

slowTest("an idle link that goes silent is noticed within 30 s, too", async () => {
  await using bed = await createFaultBed();
  await using capture = await startStreaming(bed);
  await bed.sql.exec("INSERT INTO account VALUES (1, 'a', 0)");
  await waitForCommits(bed, capture, 1);
  await noticed(capture, () => bed.toPostgres.blackHole());
  bed.toPostgres.heal();
  bed.toPostgres.reset();
  await bed.sql.exec("INSERT INTO account VALUES (2, 'a', 0)");
  await assertExactlyOnce(bed, capture);
});

slowTest(
  "a second black hole right after the first is noticed as soon, with nothing delivered between",
  async () => {
    await using bed = await createFaultBed();
    // Kafka's silence of 18 s would be noticed first: the database is idle, and its progress is not due meanwhile.
    await using capture = await startStreaming(bed, { REPLICATION_CHECKPOINT_INTERVAL_SECS: "300" });
    for (let hole = 0; hole < 2; hole++) {
      const from = capture.log.length;
      await noticed(capture, () => bed.toPostgres.blackHole("to-client"));
      bed.toPostgres.heal();
      bed.toPostgres.reset();
      await capture.waitForLog("Streaming", { from, timeoutMs: 60_000 });
    }
    await bed.sql.exec("INSERT INTO account VALUES (1, 'a', 0)");
    await assertExactlyOnce(bed, capture);
  },
);

slowTest(
  "PostgreSQL goes silent while Kafka is away: noticed within 30 s, and healed when both are back",
  async () => {
    await using bed = await createFaultBed();
    await using capture = await startStreaming(bed);
    await bed.sql.exec("INSERT INTO account VALUES (1, 'a', 0)");
    await waitForCommits(bed, capture, 1);
    await bed.toKafka.refuse();
    bed.toKafka.reset();
    await bed.sql.exec("INSERT INTO account VALUES (2, 'a', 0)");
    const from = capture.log.length;
    await capture.waitForLog(/ warn .*Cannot connect to Kafka/, { from });
    await noticed(capture, () => bed.toPostgres.blackHole(), / warn .*(PostgreSQL|WAL).*retry_in_ms/);
    bed.toPostgres.heal();
    await bed.toKafka.accept();
    await capture.waitForLog("Streaming", { from, timeoutMs: 60_000 });
    await assertExactlyOnce(bed, capture);
  },
);

/** 45 s, then all is well; old connections stay dead, as after a firewall that forgot them. */
async function blackHole(link: LinkName, way: Way): Promise<void> {
  await using bed = await createFaultBed();
  await using capture = await startStreaming(bed);
  await using writers = new Writers(bed.postgres, 1, 65).start();
  await waitForCommits(bed, capture);
  const started = performance.now();
  await noticed(capture, () => bed[link].blackHole(way));
  await delay(45_000 - (performance.now() - started));
  bed[link].heal();
  await waitForCommits(bed, capture);
  await assertExactlyOnce(bed, capture, writers, 120_000);
}

/** Does it, and waits until the log tells of it. */
async function noticed(
  capture: CaptureProcess,
  fault: () => void,
  line = / warn .*retry_in_ms/,
): Promise<void> {
  const from = capture.log.length;
  fault();
  await capture.waitForLog(line, { from, timeoutMs: NOTICED_MS_MAX });
}

async function until(condition: () => boolean, capture: CaptureProcess): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    ok(Date.now() < deadline && capture.running, capture.log.slice(-15).join("\n"));
    await delay(2);
  }
}
