// Keys go to the partitions that Kafka's own clients choose.

import { strict as assert } from "node:assert";
import { murmur2, partitionOf } from "../../../src/sink/murmur2.ts";

const utf8 = new TextEncoder();

Deno.test("murmur2 gives what Kafka's own tests expect", () => {
  // org.apache.kafka.common.utils.UtilsTest.testMurmur2
  const expected: [string, number][] = [
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ];
  for (const [key, hash] of expected) assert.equal(murmur2(utf8.encode(key), key.length), hash, key);
});

Deno.test("only the key's bytes count, not what lies behind them", () => {
  assert.equal(murmur2(utf8.encode("foobar and more"), 6), -790332482);
});

Deno.test("a partition is the hash without its sign, modulo the number of partitions", () => {
  assert.equal(partitionOf(utf8.encode("foobar"), 6, 12), (-790332482 & 0x7fffffff) % 12);
  assert.equal(partitionOf(utf8.encode("foobar"), 6, 1), 0);
});

Deno.test("a null key goes to partition 0, an empty one where its hash says", () => {
  assert.equal(partitionOf(utf8.encode("value"), -1, 12), 0);
  // Java: Utils.toPositive(Utils.murmur2(new byte[0])) == 275646681
  assert.equal(partitionOf(utf8.encode("value"), 0, 1_000_000), 275646681 % 1_000_000);
});
