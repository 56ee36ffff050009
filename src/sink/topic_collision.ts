// Finds the existing topic that prevents Kafka from creating another one.

import { TopicConflict } from "../core/topic_conflict.ts";
import type { Cluster } from "./cluster.ts";

/**
 * The error for a topic whose name collides with that of an existing one.
 * @param answer the broker's message, used if the existing topic may not be described
 * @returns undefined if the topic was rejected for another reason
 */
export async function topicCollision(
  cluster: Cluster,
  topic: string,
  answer: string | null,
  signal: AbortSignal,
): Promise<TopicConflict | undefined> {
  const listed = await cluster.metadata(null, signal);
  const existing = findCollision(topic, listed.map((each) => each.topic)) ??
    /collides with existing topics?: ([A-Za-z0-9._-]+)/.exec(answer ?? "")?.[1];
  return existing === undefined ? undefined : collisionWith(topic, existing);
}

/** Removes topics that Kafka does not distinguish from an earlier one in the list. */
export function distinguishable(topics: readonly string[]): readonly string[] {
  const first = new Map<string, string>();
  for (const topic of topics) {
    const key = collisionKey(topic);
    if (!first.has(key)) first.set(key, topic);
  }
  return [...first.values()];
}

/** The first existing topic that Kafka does not distinguish from this one. */
export function findCollision(topic: string, existing: readonly string[]): string | undefined {
  return existing.find((each) => each !== topic && collisionKey(each) === collisionKey(topic));
}

export function collisionWith(topic: string, existing: string): TopicConflict {
  return new TopicConflict(topic, `Kafka can't tell it from topic "${existing}", which exists`, [
    `delete topic "${existing}" if it is not needed: ` +
    `kafka-topics.sh --bootstrap-server BROKER --delete --topic ${existing}`,
    "before the first start, choose another topic prefix",
  ]);
}

/**
 * The form of a name that Kafka compares. Its metrics treat `.` and `_` alike, so it refuses to create a
 * topic whose name differs from another one only there (Topic.hasCollision).
 */
export function collisionKey(topic: string): string {
  return topic.replaceAll(".", "_");
}
