// Logs in to a server that answers with damaged messages: deno task fuzz:backend [--minutes N] [--seed N].
//
// Whatever comes, there is a CaptureError or a login, soon, and memory does not grow. The first case that breaks this
// is printed, with the seed that finds it again.

import { parseArgs } from "node:util";
import { delay } from "../../dev/servers/server_process.ts";
import { CaptureError } from "../../src/core/errors.ts";
import { PostgresConnection } from "../../src/source/connection.ts";
import { PostgresStream } from "../../src/source/replication_stream.ts";
import type { PostgresOptions } from "../../src/source/options.ts";
import { concat, int32, LOGGED_IN, message, result, startFakePostgres } from "../support/fake_postgres.ts";
import { damage } from "./damage.ts";
import { Random } from "./random.ts";

const SESSION_MS_MAX = 3_000;
const PATIENCE_MS = 50;
const GROWTH_BYTES_MAX = 96 * 1024 * 1024;

const MESSAGES: readonly Uint8Array[] = [
  message("R", int32(0)),
  message("R", int32(3)),
  message("R", int32(5), int32(1)),
  message("R", int32(10), "SCRAM-SHA-256\0\0"),
  message("R", int32(11), "r=abc,s=c2FsdA==,i=4096"),
  message("R", int32(12), "v=AAAA"),
  message("S", "in_hot_standby\0", "off\0"),
  message("K", int32(7), int32(8)),
  message("N", "SNOTICE\0", "C00000\0", "Mhello\0", "\0"),
  message("E", "SFATAL\0", "C28P01\0", 'Mpassword authentication failed for user "ann"\0', "\0"),
  message("Z", "I"),
  result(["a", "b"], ["1", "two"]),
  message("W", new Uint8Array([0, 0, 0])),
  message("d", "k", new Uint8Array(17)),
  message("d", "w", new Uint8Array(24), "B", new Uint8Array(20)),
  message("c", ""),
];
const OTHERS = MESSAGES.map((bytes) => ({ bytes }));

/** What broke the rules, if anything did. */
export async function fuzzBackend(durationMs: number, seed: number): Promise<string | undefined> {
  const random = new Random(seed);
  const unhandled: string[] = [];
  const note = (event: PromiseRejectionEvent | ErrorEvent) => {
    event.preventDefault();
    unhandled.push(String(event instanceof ErrorEvent ? event.error?.stack : event.reason?.stack));
  };
  globalThis.addEventListener("unhandledrejection", note);
  globalThis.addEventListener("error", note);
  const endMs = performance.now() + durationMs;
  let settledBytes = 0;
  try {
    for (let round = 0; performance.now() < endMs; round++) {
      const found = await oneSession(random) ?? unhandled[0];
      if (found !== undefined) return `seed ${seed}, round ${round}: ${found}`;
      if (round === 200) settledBytes = Deno.memoryUsage().rss;
      const grownBytes = round > 200 ? Deno.memoryUsage().rss - settledBytes : 0;
      if (grownBytes > GROWTH_BYTES_MAX) return `seed ${seed}, round ${round}: memory grew by ${grownBytes}`;
    }
  } finally {
    globalThis.removeEventListener("unhandledrejection", note);
    globalThis.removeEventListener("error", note);
  }
  return undefined;
}

async function oneSession(random: Random): Promise<string | undefined> {
  const answers = [LOGGED_IN, result(["systemid"], ["1"]), message("W", new Uint8Array([0, 0, 0]))];
  const broken = random.below(answers.length + 1);
  const sent = answers.map((answer, index) => index === broken ? garbled(random, answer) : answer);
  await using fake = startFakePostgres(async (session) => {
    for (const answer of sent) {
      // A client that waits for the rest of a message is left alone, and the connection ends.
      const asked = await Promise.race([session.read(), delay(PATIENCE_MS)]);
      if (asked === undefined || asked.length === 0) return;
      await session.write(answer);
    }
    for (let count = random.below(10); count > 0; count--) {
      await session.write(garbled(random, random.pick(MESSAGES)));
    }
  });
  const startedMs = performance.now();
  const error = await work(fake.port).catch((caught) => caught);
  const tookMs = performance.now() - startedMs;
  const what = () => sent.map((bytes) => bytes.toHex()).join(" / ");
  if (tookMs > SESSION_MS_MAX) return `it took ${Math.round(tookMs)} ms\n${what()}`;
  if (!(error instanceof CaptureError)) return `${error instanceof Error ? error.stack : error}\n${what()}`;
  return /\n/.test(error.message) ? `two lines: ${error.message}` : undefined;
}

/** Damaged, or with others before and after it. */
function garbled(random: Random, bytes: Uint8Array): Uint8Array {
  const damaged = damage(random, bytes, OTHERS);
  return random.chance(0.5) ? damaged : concat(random.pick(MESSAGES), damaged, random.pick(MESSAGES));
}

/** Log in, ask, stream to the end, which always comes: the server closes. */
async function work(port: number): Promise<never> {
  const signal = AbortSignal.timeout(2 * SESSION_MS_MAX);
  const options: PostgresOptions = {
    servers: [{ host: "127.0.0.1", port }],
    database: "shop",
    username: "ann",
    password: () => "secret",
    connectTimeoutMs: SESSION_MS_MAX / 2,
    tls: { mode: "disable", material: () => ({ roots: undefined, client: undefined }) },
    loginRules: { requireAuth: undefined, channelBinding: "prefer" },
  };
  using connection = await PostgresConnection.open(options, "replication", signal);
  await connection.queryRow("IDENTIFY_SYSTEM", "ask", signal);
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
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { minutes: { type: "string", default: "1" }, seed: { type: "string" } },
  });
  const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const found = await fuzzBackend(Number(values.minutes) * 60_000, seed);
  const line = found ?? `seed ${seed}: nothing found`;
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  Deno.exit(found === undefined ? 0 : 1);
}
