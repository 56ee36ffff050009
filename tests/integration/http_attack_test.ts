// What somebody who reaches METRICS_PORT can't do: hold the process's memory or file descriptors, or end the
// listener.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { connect } from "node:net";
import { freePort } from "../../dev/servers/ports.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed } from "../support/servers.ts";
import { missingProgram } from "../../dev/servers/tools.ts";
import { optionalTest } from "../support/optional.ts";

const NO_PRLIMIT = missingProgram("prlimit");

const RESIDENT_BYTES_MAX = 128e6;
/** As many as a system often lets a process have. */
const FILES_MAX = 1024;
const FEW_FILES = ["bash", "-c", `ulimit -n ${FILES_MAX}; exec "$@"`, "bash"];

/** A capture whose servers are unreachable: it serves its page while it tries again. */
async function startUnreachable(port: number, env: Readonly<Record<string, string>> = {}) {
  const nobody = freePort();
  const capture = await startCapture({
    env: {
      PG_HOST: "127.0.0.1",
      PG_PORT: String(nobody),
      PG_DATABASE: "shop",
      PG_USERNAME: "replicator",
      PG_PASSWORD: "planted-password",
      KAFKA_BROKERS: `127.0.0.1:${nobody}`,
      METRICS_PORT: String(port),
      ...env,
    },
    wrapper: FEW_FILES,
  });
  await capture.waitForLog("Serving the status page");
  return capture;
}

Deno.test("1,000 idle connections and 900 with unfinished headers: the page comes, and memory stays", async () => {
  const port = freePort();
  await using capture = await startUnreachable(port);
  strictEqual(await answered(port), 200);
  {
    await using _idle = await attack(port, 1000, "");
    await delay(1000);
    strictEqual(await answered(port), 200);
  }
  {
    await using _slow = await attack(
      port,
      900,
      `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"x".repeat(7000)}`,
    );
    await delay(1000);
    ok(peakBytes(capture) < RESIDENT_BYTES_MAX, `${peakBytes(capture)} bytes`);
  }
  const endedAt = performance.now();
  strictEqual(await answered(port), 200);
  const waitedMs = performance.now() - endedAt;
  ok(waitedMs < 1000, `${waitedMs} ms`);
  ok(capture.running);
  ok(!capture.log.some((line) => line.includes("listener")), capture.log.join("\n"));
  strictEqual((await capture.terminate()).code, 0);
});

Deno.test("900 clients that ask for the metrics and never read them cost no memory", async () => {
  const port = freePort();
  await using capture = await startUnreachable(port);
  await using _deaf = await attack(port, 900, "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await delay(1000);
  strictEqual(await answered(port), 200);
  ok(peakBytes(capture) < RESIDENT_BYTES_MAX, `${peakBytes(capture)} bytes`);
});

Deno.test("while 1,900 connections come again and again, changes are delivered without an error", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const port = freePort();
  await using capture = await startCapture({
    env: { ...bed.env, METRICS_PORT: String(port) },
    wrapper: FEW_FILES,
  });
  await capture.waitForLog("Streaming");
  let rounds = 0;
  let isOver = false;
  const attacking = (async () => {
    for (; !isOver; rounds++) {
      await using _idle = await attack(port, 1000, "");
      await using _slow = await attack(port, 900, "GET / HTTP/1.1\r\nhost: localhost\r\nx: ");
    }
  })();
  for (let id = 1; id <= 2000; id += 100) {
    await bed.sql.exec(`INSERT INTO item SELECT generate_series(${id}, ${id + 99})`);
    await waitUntilConfirmed(bed, capture, 10_000);
  }
  isOver = true;
  await attacking;
  ok(rounds > 0);
  ok(peakBytes(capture) < RESIDENT_BYTES_MAX, `${peakBytes(capture)} bytes`);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  match(metrics, /^pg_capture_delivered_records_total 2000$/m);
  deepStrictEqual(capture.log.filter((line) => / (?:warn|error) /.test(line)), []);
});

optionalTest(
  "a listener that can't take a connection is opened again, and the log says so",
  NO_PRLIMIT,
  async () => {
    const port = freePort();
    await using capture = await startUnreachable(port);
    // So few that the next connection finds none.
    await limitFiles(capture.pid, 10);
    strictEqual(await answered(port).catch(() => "nothing"), "nothing");
    match(await capture.waitForLog("The listener on METRICS_PORT failed"), / warn .*error=".*(?:files|24)/);
    await limitFiles(capture.pid, FILES_MAX);
    await capture.waitForLog("Listening on METRICS_PORT again");
    strictEqual(await answered(port), 200);
  },
);

Deno.test("a name that is not expected gets 421 and one warning; METRICS_ALLOWED_HOSTS adds names", async () => {
  const port = freePort();
  await using capture = await startUnreachable(port, { METRICS_ALLOWED_HOSTS: "capture.internal,*.svc" });
  for (const host of ["127.0.0.1", "10.1.2.3", "[::1]", "LOCALHOST", "capture.internal", "a.b.svc"]) {
    strictEqual(await answered(port, `${host}:${port}`), 200, host);
  }
  for (const host of ["evil.example", "svc", "127.0.0.1.evil.example", "xcapture.internal"]) {
    strictEqual(await answered(port, `${host}:${port}`), 421, host);
  }
  match(
    await capture.waitForLog("names an unexpected host"),
    /host=evil\.example fix: .*METRICS_ALLOWED_HOSTS/,
  );
  strictEqual(capture.log.filter((line) => line.includes("names an unexpected host")).length, 1);
});

/** The status of `/`. */
async function answered(port: number, host = "localhost"): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const timer = setTimeout(() => connection.close(), 5000);
  try {
    await connection.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`));
    const buffer = new Uint8Array(100);
    const length = await connection.read(buffer) ?? 0;
    return Number(/^HTTP\/1\.1 (\d+) /.exec(new TextDecoder().decode(buffer.subarray(0, length)))?.[1]);
  } finally {
    clearTimeout(timer);
  }
}

/** Connections that send a text, and then neither read nor end. Those that the server ends stay ended. */
async function attack(port: number, count: number, text: string): Promise<AsyncDisposable> {
  const sockets = await Promise.all(Array.from({ length: count }, () => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("error", () => {});
    socket.pause();
    return new Promise<ReturnType<typeof connect>>((resolve) => {
      socket.once("close", () => resolve(socket));
      socket.once("connect", () => socket.write(text, () => resolve(socket)));
    });
  }));
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(sockets.map((socket) =>
        new Promise<void>((resolve) => {
          if (socket.closed) return resolve();
          socket.once("close", () => resolve());
          socket.destroy();
        })
      ));
    },
  };
}

function peakBytes({ pid }: CaptureProcess): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
  return Number(kilobytes) * 1024;
}

async function limitFiles(pid: number, count: number): Promise<void> {
  const { success } = await new Deno.Command("prlimit", {
    args: ["--pid", String(pid), `--nofile=${count}:${FILES_MAX}`],
  }).output();
  ok(success);
}
