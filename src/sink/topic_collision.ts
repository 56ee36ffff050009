// Why Kafka refuses to create a topic: it can't tell it from one that exists.

import { TopicConflict } from "../pipeline/topic_conflict.ts";
import type { Cluster } from "./cluster.ts";
import { collisionKey } from "./topics.ts";

/**
 * The existing topic that a refused one collides with, as an error.
 * @param answer the broker's words, which are believed where the topics can't be listed: not all may be seen
 * @returns undefined when it was refused for something else
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

/** Without those that Kafka can't tell from one before them. */
export function distinguishable(topics: readonly string[]): readonly string[] {
  const first = new Map<string, string>();
  for (const topic of topics) {
    const key = collisionKey(topic);
    if (!first.has(key)) first.set(key, topic);
  }
  return [...first.values()];
}

/** The first of the existing topics that Kafka can't tell from this one. */
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
