// Connections to the brokers that lead partitions, waiting while a cluster elects new leaders.

import { CaptureError } from "../core/errors.ts";
import { delay } from "../core/wait.ts";
import type { Cluster } from "./cluster.ts";
import type { TopicDirectory } from "./topic_directory.ts";
import { jitteredPauses } from "./backoff.ts";
import { Connection } from "./wire/connection.ts";

/** A leader, and those of the partitions asked for that it leads. */
export interface Led<Partition> {
  readonly leader: Connection;
  readonly partitions: readonly Partition[];
}

/**
 * Connects to the leaders of all these partitions. While one can't be reached and another broker can, metadata is
 * looked up again and again: when a broker is gone, the cluster names another leader after some seconds. Nothing is
 * sent to a partition by this.
 * @throws CaptureError `kafka-unavailable` when no broker can be reached, or a leader can't for `ELECTION_MS_MAX`
 */
export async function connectToLeaders<
  Partition extends { readonly topic: string; readonly partition: number },
>(
  cluster: Cluster,
  directory: TopicDirectory,
  partitions: readonly Partition[],
  signal: AbortSignal,
): Promise<readonly Led<Partition>[]> {
  let unreachable: CaptureError | undefined;
  for (const pauseMs of jitteredPauses(LOOK_MS, ELECTION_MS_MAX)) {
    const led: Led<Partition>[] = [];
    const stale = new Set<string>();
    const byLeader = Map.groupBy(partitions, ({ topic, partition }) => directory.leader(topic, partition));
    await Promise.all([...byLeader].map(async ([leaderId, partitions]) => {
      const leader = await cluster.brokerWithin(leaderId, LOOK_MS, signal);
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

/** What `unlessMoved` asks: whether another broker leads one of these partitions now. */
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

const LOOK_MS = 100;
/** Below the 5 s after which people are told that Kafka does not answer (pipeline/opening.ts). */
const ELECTION_MS_MAX = 4_000;
