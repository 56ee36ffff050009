// A short run of the fuzzer of Kafka's answers: `deno task fuzz:kafka` runs for longer.

import { strict as assert } from "node:assert";
import { fuzzKafka } from "../fuzz/kafka_rounds.ts";
import { Random } from "../fuzz/random.ts";

Deno.test("a broker's damaged answers give an answer or an error, in time, at each stage of a connection", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
  const counts = { connections: 0, answered: 0, refused: 0 };
  // A damaged answer is mostly waited for: several brokers at a time try more in less time.
  const lanes = Array.from({ length: 4 }, async (_, lane) => {
    const found = await fuzzKafka(new Random(seed + lane), 1_000, counts);
    assert.equal(found, undefined, `seed ${seed + lane}: ${found}`);
  });
  await Promise.all(lanes);
  assert(counts.answered > 20 && counts.refused > 10, JSON.stringify(counts));
});
