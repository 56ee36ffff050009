// Whoever answers in place of PostgreSQL, or stands in between: an error in one line, no hang, no growth.

import { match, ok, strictEqual } from "node:assert";
import { connect, createServer } from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { createAuthority } from "../../dev/servers/certificates.ts";
import { startPostgres } from "../../dev/servers/postgres.ts";
import { CaptureError } from "../../src/core/errors.ts";
import { PostgresConnection } from "../../src/source/connection.ts";
import { PostgresStream } from "../../src/source/replication_stream.ts";
import { fuzzBackend } from "../fuzz/backend.ts";
import { startCapture } from "../support/capture.ts";
import {
  concat,
  type FakeSession,
  int32,
  LOGGED_IN,
  message,
  result,
  startFakePostgres,
} from "../support/fake_postgres.ts";
import { logInWith, optionsOf } from "../support/tls_bed.ts";

const GARBAGE = crypto.getRandomValues(new Uint8Array(4096));
const GROWTH_BYTES_MAX = 96 * 1024 * 1024;

Deno.test("TLS is stripped on the way: refused, and the password is not sent", async () => {
  let sent = "";
  await using fake = startFakePostgres(async (session) => {
    for (let bytes = await session.read(); bytes.length > 0; bytes = await session.read()) {
      sent += new TextDecoder("latin1").decode(bytes);
      await session.write(new TextEncoder().encode("N"));
    }
  });
  for (const mode of ["require", "verify-ca", "verify-full"]) {
    const found = await refusal(fake.port, { PG_SSL_MODE: mode, PG_SSL_ROOT_CERT: root() });
    strictEqual(found.kind, "postgres-refused");
    match(
      `${found.message} ${found.fix}`,
      /it answers that it has no TLS .*an attacker on the way strips it/,
    );
  }
  strictEqual(sent.length, 3 * 8, "nothing but three requests for TLS");
  await using capture = await startCapture({
    env: {
      ...envOf(fake.port),
      PG_SSL_MODE: "require",
      KAFKA_BROKERS: "127.0.0.1:1",
      METRICS_PORT: "0",
      REPLICATION_CHECKPOINT_FILE: "checkpoint",
    },
  });
  strictEqual((await capture.waitForExit()).code, 3);
  strictEqual(capture.log.filter((line) => / error /.test(line)).length, 1);
});

Deno.test("bytes that somebody puts behind the answer to TLS are refused (CVE-2021-23222)", async () => {
  await using fake = startFakePostgres(async (session) => {
    await session.read();
    await session.write(concat(new TextEncoder().encode("S"), message("R", int32(0))));
    await session.read();
  });
  for (const mode of ["require", "verify-ca"]) {
    const found = await refusal(fake.port, { PG_SSL_MODE: mode, PG_SSL_ROOT_CERT: root() });
    strictEqual(found.kind, "postgres-refused");
    match(found.message, /unencrypted bytes follow its answer to TLS/);
  }
});

Deno.test("after the answer no TLS follows, or nothing at all: refused, or awaited", async () => {
  const answers: readonly [Uint8Array, RegExp, string][] = [
    [GARBAGE, /the TLS handshake failed/, "postgres-refused"],
    [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"), /TLS handshake/, "postgres-refused"],
    [new Uint8Array(), /the connection was closed in the TLS handshake/, "postgres-unavailable"],
  ];
  for (const [bytes, line, kind] of answers) {
    await using fake = startFakePostgres(async (session) => {
      await session.read();
      await session.write(new TextEncoder().encode("S"));
      await session.read();
      await session.write(bytes);
    });
    const found = await refusal(fake.port, { PG_SSL_MODE: "require" });
    match(found.message, line);
    strictEqual(found.kind, kind);
  }
});

Deno.test("whoever stands between with TLS on both sides is found out by channel binding", async () => {
  const certificate = createAuthority("authority of the server").issue({ name: "localhost" });
  await using server = await startPostgres({ tls: certificate });
  const env = { PG_USERNAME: server.user, PG_PASSWORD: server.password, PG_SSL_MODE: "require" };
  const direct = await logInWith(() => optionsOf({ ...envOf(server.port), ...env }));
  ok("login" in direct);
  const thief = createAuthority("authority of a thief").issue({ name: "localhost" });
  await using between = await startBetween(server.port, thief);
  const found = await refusal(between.port, env);
  strictEqual(found.kind, "postgres-refused");
  match(found.message, /password authentication failed|channel binding|SCRAM/);
  strictEqual(between.passed > 0, true, "the two did talk");
});

Deno.test("a server that does not know the password is refused, although it takes the login", async () => {
  await using fake = startFakePostgres(async (session) => {
    await session.read();
    await session.write(message("R", int32(10), "SCRAM-SHA-256\0\0"));
    const first = new TextDecoder().decode(await session.read());
    const nonce = /r=([^,]+)/.exec(first)?.[1] ?? "";
    await session.write(message("R", int32(11), `r=${nonce}extra,s=c2FsdA==,i=4096`));
    await session.read();
    await session.write(concat(message("R", int32(12), `v=${btoa("x".repeat(32))}`), LOGGED_IN));
    await session.read();
  });
  const found = await refusal(fake.port, {});
  strictEqual(found.kind, "postgres-refused");
  match(`${found.message} ${found.fix}`, /login by SCRAM failed: .*it may be an impostor/);
});

Deno.test("a way to log in that is not spoken here is named", async () => {
  for (const code of [2, 7, 9]) {
    await using fake = startFakePostgres(async (session) => {
      await session.read();
      await session.write(message("R", int32(code)));
      await session.read();
    });
    const found = await refusal(fake.port, {});
    strictEqual(found.kind, "postgres-refused");
    match(found.message, /asks for a way to log in that pg-capture does not have/);
  }
});

const HUGE = int32(0x7fffffff);

/** What is sent at each stage in place of what PostgreSQL would send. */
const NONSENSE: Readonly<Record<string, Uint8Array>> = {
  "random bytes": GARBAGE,
  "zeros": new Uint8Array(4096),
  "a web page": new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
  "a length of zero": concat(new TextEncoder().encode("R"), int32(0)),
  "a negative length": concat(new TextEncoder().encode("D"), int32(-1)),
  "a length beyond all bounds": concat(new TextEncoder().encode("E"), HUGE, GARBAGE),
  "an error without an end": message("E", "SERROR"),
  "an empty error": message("E", ""),
  "a row of no table": message("D", new Uint8Array([255, 255, 1, 2])),
  "a description that is cut off": message("T", new Uint8Array([0, 9]), "a"),
  "an unknown message": message("q", "what?"),
  "a second login": message("R", int32(3)),
};

for (const [what, bytes] of Object.entries(NONSENSE)) {
  Deno.test(`nonsense at each stage is an error, soon: ${what}`, async () => {
    const stages: Readonly<Record<string, (session: FakeSession) => Promise<void>>> = {
      login: async (session) => {
        await session.read();
        await session.write(bytes);
      },
      query: async (session) => {
        await session.read();
        await session.write(LOGGED_IN);
        await session.read();
        await session.write(bytes);
      },
    };
    for (const [stage, talk] of Object.entries(stages)) {
      await using fake = startFakePostgres(talk);
      const found = await refusal(fake.port, {});
      ok(!/\n/.test(found.message), stage);
    }
    await using fake = startFakePostgres(async (session) => {
      await session.read();
      await session.write(LOGGED_IN);
      await session.read();
      await session.write(bytes);
    });
    const signal = AbortSignal.timeout(10_000);
    const options = optionsOf({ ...envOf(fake.port) });
    using connection = await PostgresConnection.open(options, "replication", signal);
    const start = PostgresStream.start(
      connection.takeOver(),
      "START",
      { what: "replication", now: () => 0 },
      signal,
    );
    const error = await start.then(() => undefined, (caught) => caught);
    ok(error instanceof CaptureError, `start: ${error}`);
  });
}

Deno.test("nonsense in the stream is an error, soon", async () => {
  for (const [what, bytes] of Object.entries(NONSENSE)) {
    await using fake = startFakePostgres(async (session) => {
      await session.read();
      await session.write(LOGGED_IN);
      await session.read();
      await session.write(concat(message("W", new Uint8Array([0, 0, 0])), bytes));
    });
    const signal = AbortSignal.timeout(10_000);
    using connection = await PostgresConnection.open(optionsOf(envOf(fake.port)), "replication", signal);
    const error = await (async () => {
      const stream = await PostgresStream.start(
        connection.takeOver(),
        "START",
        { what: "it", now: () => 0 },
        signal,
      );
      for (;;) {
        while (stream.next() !== "none");
        await stream.fill(signal);
      }
    })().catch((caught) => caught);
    ok(error instanceof CaptureError, `${what}: ${error}`);
  }
});

Deno.test("an answer without an end, and a message that is never whole, cost no memory", async () => {
  const row = message("D", new Uint8Array([0, 1]), int32(60_000), new Uint8Array(60_000));
  const floods: Readonly<Record<string, (session: FakeSession) => Promise<void>>> = {
    "rows for ever": async (session) => {
      await session.write(result(["a"], ["b"]).subarray(0, 30));
      for (;;) await session.write(row);
    },
    "a message of a gigabyte": async (session) => {
      await session.write(concat(new TextEncoder().encode("D"), int32(0x3fffffff)));
      for (;;) await session.write(row);
    },
    "notices for ever": async (session) => {
      for (;;) await session.write(message("N", "SNOTICE\0", "M", "x".repeat(60_000), "\0\0"));
    },
  };
  for (const [what, flood] of Object.entries(floods)) {
    for (const stage of ["login", "query"]) {
      await using fake = startFakePostgres(async (session) => {
        await session.read();
        if (stage === "query") {
          await session.write(LOGGED_IN);
          await session.read();
        }
        await flood(session);
      });
      const before = Deno.memoryUsage().rss;
      const found = await refusal(fake.port, { PG_CONNECT_TIMEOUT_SECS: "10" });
      const grown = Deno.memoryUsage().rss - before;
      ok(grown < GROWTH_BYTES_MAX, `${what} at ${stage}: ${grown} bytes, ${found.message}`);
    }
  }
});

Deno.test("damaged answers at every stage, many of them", async () => {
  strictEqual(await fuzzBackend(5_000, crypto.getRandomValues(new Uint32Array(1))[0]!), undefined);
});

Deno.test("a server that falls silent at any stage is left in time", async () => {
  for (const silentAfter of [0, 1]) {
    await using fake = startFakePostgres(async (session) => {
      if (silentAfter === 1) {
        await session.read();
        await session.write(message("R", int32(10), "SCRAM-SHA-256\0\0"));
      }
      for (let bytes = await session.read(); bytes.length > 0;) bytes = await session.read();
    });
    for (const mode of ["disable", "require"]) {
      const startedMs = performance.now();
      const found = await refusal(fake.port, { PG_CONNECT_TIMEOUT_SECS: "1", PG_SSL_MODE: mode });
      ok(performance.now() - startedMs < 3_000);
      strictEqual(["postgres-unavailable", "postgres-refused"].includes(found.kind), true);
    }
  }
});

function envOf(port: number): Readonly<Record<string, string>> {
  return {
    PG_HOST: "127.0.0.1",
    PG_PORT: String(port),
    PG_DATABASE: "postgres",
    PG_USERNAME: "ann",
    PG_PASSWORD: "planted-pa55",
  };
}

let rootFile: string | undefined;

function root(): string {
  if (rootFile === undefined) {
    rootFile = Deno.makeTempFileSync();
    Deno.writeTextFileSync(rootFile, createAuthority("x").cert);
  }
  return rootFile;
}

async function refusal(port: number, env: Readonly<Record<string, string>>): Promise<CaptureError> {
  const { PG_SSL_ROOT_CERT: file, ...rest } = env;
  const tlsFiles = file === undefined ? {} : { PG_SSL_ROOT_CERT: file };
  const found = await logInWith(() => optionsOf({ ...envOf(port), ...rest, ...tlsFiles }));
  ok("refused" in found, "it logged in");
  ok(!/pa55/.test(`${found.refused.message}${found.refused.fix}`));
  return found.refused;
}

/** Speaks TLS with its own certificate to the client, and TLS to the server, and passes everything on. */
async function startBetween(
  target: number,
  { cert, key }: { readonly cert: string; readonly key: string },
): Promise<AsyncDisposable & { readonly port: number; readonly passed: number }> {
  let passed = 0;
  const secure = tls.createServer({ cert, key }, (client) => {
    const raw = connect({ port: target, host: "127.0.0.1" });
    raw.once("connect", () => raw.write(new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47])));
    raw.once("data", () => {
      const server = tls.connect({ socket: raw, rejectUnauthorized: false });
      server.on("data", (bytes) => {
        passed += bytes.length;
        client.write(bytes);
      });
      client.on("data", (bytes) => server.write(bytes));
      for (const socket of [client, server]) socket.on("error", () => {}).on("close", () => raw.destroy());
    });
  });
  await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", () => resolve()));
  const securePort = (secure.address() as { readonly port: number }).port;
  // In front of it, the request for TLS is answered.
  const front = createServer((client) => {
    client.once("data", () => {
      client.write("S");
      const inner = connect({ port: securePort, host: "127.0.0.1" });
      client.pipe(inner).pipe(client);
      for (const socket of [client, inner] as Duplex[]) socket.on("error", () => {});
    });
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", () => resolve()));
  return {
    port: (front.address() as { readonly port: number }).port,
    get passed() {
      return passed;
    },
    [Symbol.asyncDispose]() {
      front.close();
      secure.close();
      return Promise.resolve();
    },
  };
}
