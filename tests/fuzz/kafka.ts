// Answers the program's requests to Kafka with what was damaged: deno task fuzz:kafka [--minutes N] [--seed N].
//
// Whatever comes back, a request gives an answer or a CaptureError within its time, and memory does not grow. The first
// that breaks this is printed, with the seed that finds it again.

import { parseArgs } from "node:util";
import { fuzzKafka } from "./kafka_rounds.ts";
import { Random } from "./random.ts";

const GROWTH_BYTES_MAX = 64 * 1024 * 1024;
const SETTLING_MS = 5_000;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const random = new Random(seed);
const counts = { connections: 0, answered: 0, refused: 0 };
const early = await fuzzKafka(random, SETTLING_MS, counts);
const settledBytes = Deno.memoryUsage().rss;
const found = early ?? await fuzzKafka(random, Number(values.minutes) * 60_000, counts);
const grownBytes = Deno.memoryUsage().rss - settledBytes;
const growth = grownBytes > GROWTH_BYTES_MAX ? `memory grew by ${grownBytes} bytes` : undefined;
const { connections, answered, refused } = counts;
const summary = `${connections} connections, ${answered} answers, ${refused} refused`;
Deno.stdout.writeSync(
  new TextEncoder().encode(`seed ${seed}: ${summary}, ${found ?? growth ?? "nothing found"}\n`),
);
Deno.exit(found === undefined && growth === undefined ? 0 : 1);
