// Topics that Kafka can't tell apart: which ones, and what is said of them.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import type { Cluster } from "../../../src/sink/cluster.ts";
import { distinguishable, findCollision, topicCollision } from "../../../src/sink/topic_collision.ts";

const NEVER = new AbortController().signal;

Deno.test("of topics that are to be created together, the first of those that collide is kept", () => {
  deepStrictEqual(distinguishable(["c.a.b_c", "c.x", "c.a_b.c", "c.x", "c_x", "c.y"]), [
    "c.a.b_c",
    "c.x",
    "c.y",
  ]);
});

Deno.test("a topic collides with those that differ by dots and underscores alone", () => {
  strictEqual(findCollision("c.a.b", ["c.a.b", "c.a.c", "c_a_b", "c_a.b"]), "c_a_b");
  strictEqual(findCollision("c.a.b", ["c.a.b", "c-a-b", "C.a_b"]), undefined);
});

Deno.test("the existing topic is named; where it may not be seen, by the broker's words", async () => {
  const listed = await topicCollision(clusterOf(["other", "c_a.b"]), "c.a.b", null, NEVER);
  match(
    listed?.message ?? "",
    /Cannot use topic "c\.a\.b": Kafka can't tell it from topic "c_a\.b", which exists/,
  );
  for (const words of ["existing topic: c_a_b", "existing topics: c_a_b, c_a.b"]) {
    const told = await topicCollision(clusterOf([]), "c.a.b", `Topic 'c.a.b' collides with ${words}`, NEVER);
    match(told?.message ?? "", /from topic "c_a_b", which exists/);
    match(told?.fix ?? "", /--delete --topic c_a_b;/);
  }
  strictEqual(await topicCollision(clusterOf(["x"]), "c.a.b", "a policy forbids it", NEVER), undefined);
});

/** One that answers with these topics. */
function clusterOf(topics: readonly string[]): Cluster {
  const metadata = () => Promise.resolve(topics.map((topic) => ({ topic, errorCode: 0, partitions: [] })));
  return { metadata } as unknown as Cluster;
}
