// Sends finished record batches to their partitions' leaders, one request per broker, all at the same time.

import { CaptureError } from "../core/errors.ts";
import { brokerError, unclearWhenLost } from "./broker_error.ts";
import type { Cluster } from "./cluster.ts";
import { connectToLeaders, leadershipMove } from "./leaders.ts";
import { unlessMoved } from "./moved.ts";
import type { TopicDirectory } from "./topic_directory.ts";
import { produce } from "./wire/apis/produce.ts";
import type { Connection } from "./wire/connection.ts";
import { ErrorCode } from "./wire/error_codes.ts";

export interface ProduceSettings {
  readonly transactionalId: string | null;
  readonly acks: -1 | 0 | 1;
}

/** A record batch as `RecordBatch.finish` leaves it. */
export interface FinishedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: Uint8Array;
}

/**
 * Returns when all leaders have acknowledged their batches; with acks 0, when all batches are written to the
 * sockets.
 * @throws CaptureError `kafka-unavailable` if a leader cannot be reached and nothing was sent. Otherwise the
 *   outcome is unknown: `kafka-unclear`, or the kind of a broker's error code
 */
export async function produceToLeaders(
  cluster: Cluster,
  directory: TopicDirectory,
  batches: readonly FinishedBatch[],
  settings: ProduceSettings,
  signal: AbortSignal,
): Promise<void> {
  const all = await connectToLeaders(cluster, directory, batches, signal);
  await Promise.all(all.map(async ({ leader, partitions }) => {
    const move = leadershipMove(directory, partitions);
    await unlessMoved(produceTo(leader, partitions, settings, signal), move, signal);
  }));
}

/** Less than the request's time limit, so that the broker's own answer comes first. */
const PRODUCE_TIMEOUT_MS = 15_000;

async function produceTo(
  leader: Connection,
  batches: readonly FinishedBatch[],
  { transactionalId, acks }: ProduceSettings,
  signal: AbortSignal,
): Promise<void> {
  const topics = [...Map.groupBy(batches, ({ topic }) => topic)].map(([topic, partitions]) => ({
    topic,
    partitions,
  }));
  const request = { transactionalId, acks, timeoutMs: PRODUCE_TIMEOUT_MS, topics };
  if (acks === 0) return await leader.send(produce, request, signal);
  const results = await unclearWhenLost(leader.request(produce, request, signal));
  const answers = new Map(
    results.map(({ topic, partition, errorCode }) => [`${topic}/${partition}`, errorCode]),
  );
  for (const { topic, partition } of batches) refuseUntaken(topic, answers.get(`${topic}/${partition}`));
}

function refuseUntaken(topic: string, errorCode: number | undefined): void {
  if (errorCode === ErrorCode.NONE) return;
  if (errorCode === undefined) {
    throw new CaptureError(
      "kafka-unclear",
      `Cannot write to topic "${topic}": the broker's response omits it`,
    );
  }
  throw brokerError({
    action: `write to topic "${topic}"`,
    rule: `--operation Write --topic "${topic}"`,
    topic,
    otherwise: "kafka-unclear",
  }, errorCode);
}
