// Connects to the brokers that lead partitions, and waits while a cluster elects new leaders.

import { CaptureError } from "../core/errors.ts";
import { delay } from "../core/wait.ts";
import type { Cluster } from "./cluster.ts";
import type { TopicDirectory } from "./topic_directory.ts";
import { jitteredPauses } from "./backoff.ts";
import { Connection } from "./wire/connection.ts";

/** A leader, and the requested partitions that it leads. */
export interface LedPartitions<Partition> {
  readonly leader: Connection;
  readonly partitions: readonly Partition[];
}

/**
 * Connects to the leaders of all these partitions. While one cannot be reached and another broker can, it
 * refreshes the metadata repeatedly: after a broker fails, the cluster names another leader within seconds.
 * It sends nothing to the partitions.
 * @throws CaptureError `kafka-unavailable` if no broker can be reached, or a leader cannot for
 * `ELECTION_MS_MAX`
 */
export async function connectToLeaders<
  Partition extends { readonly topic: string; readonly partition: number },
>(
  cluster: Cluster,
  directory: TopicDirectory,
  partitions: readonly Partition[],
  signal: AbortSignal,
): Promise<readonly LedPartitions<Partition>[]> {
  let unreachable: CaptureError | undefined;
  for (const pauseMs of jitteredPauses(LOOKUP_MS, ELECTION_MS_MAX)) {
    const led: LedPartitions<Partition>[] = [];
    const stale = new Set<string>();
    const byLeader = Map.groupBy(partitions, ({ topic, partition }) => directory.leader(topic, partition));
    await Promise.all([...byLeader].map(async ([leaderId, partitions]) => {
      const leader = await cluster.brokerWithin(leaderId, LOOKUP_MS, signal);
      if (leader instanceof Connection) led.push({ leader, partitions });
      else {
        unreachable = leader;
        for (const { topic } of partitions) stale.add(topic);
      }
    }));
    if (stale.size === 0) return led;
    await delay(pauseMs, signal);
    await directory.refresh(stale, signal);
  }
  throw unreachable ??
    new CaptureError("kafka-unavailable", "Cannot connect to the leaders of no partitions");
}

/** For `unlessMoved`: whether another broker leads one of these partitions now. */
export function leadershipMove(
  directory: TopicDirectory,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
): (signal: AbortSignal) => Promise<string | null> {
  const leaders = () => partitions.map(({ topic, partition }) => directory.leader(topic, partition));
  const before = leaders();
  return async (signal) => {
    await directory.refresh(new Set(partitions.map(({ topic }) => topic)), signal);
    const at = leaders().findIndex((leader, index) => leader !== before[index]);
    const moved = partitions[at];
    return moved === undefined
      ? null
      : `the leader of partition ${moved.partition} of topic "${moved.topic}" changed`;
  };
}

const LOOKUP_MS = 100;
/** Less than the 5 s after which a warning says that Kafka does not answer (pipeline/opening.ts). */
const ELECTION_MS_MAX = 4_000;
