// Sends finished record batches to the brokers that lead their partitions, one request a broker, all at once.

import { CaptureError } from "../errors.ts";
import { brokerError, unclearWhenLost } from "./broker_error.ts";
import type { Cluster } from "./cluster.ts";
import type { TopicDirectory } from "./topic_directory.ts";
import { growingPauses, pause } from "./wait.ts";
import type { Api } from "./wire/api.ts";
import type { ProduceRequest, ProduceResponse } from "./wire/apis/produce.ts";
import type { Connection } from "./wire/connection.ts";
import { ErrorCode } from "./wire/error_codes.ts";

/** How batches are sent. */
export interface ProduceSettings {
  readonly api: Api<ProduceRequest, ProduceResponse>;
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
 * Returns when every partition's leader has taken its batch; with acks 0, when all of it is written.
 * @throws CaptureError `kafka-unavailable` when a leader can't be reached and nothing was sent; otherwise what became
 *   of the batches is unknown: `kafka-unclear`, or the kind of a broker's answer
 */
export async function produceToLeaders(
  cluster: Cluster,
  directory: TopicDirectory,
  batches: readonly FinishedBatch[],
  settings: ProduceSettings,
  signal: AbortSignal,
): Promise<void> {
  const byLeader = Map.groupBy(batches, ({ topic, partition }) => directory.leader(topic, partition));
  const sends = await Promise.all(
    [...byLeader].map(async ([leaderId, led]) => ({ leader: await cluster.broker(leaderId, signal), led })),
  );
  await Promise.all(sends.map(({ leader, led }) => produceTo(leader, led, settings, signal)));
}

/** Below the time after which a request is given up, so that the broker's own answer comes first. */
const PRODUCE_TIMEOUT_MS = 15_000;

/**
 * Sends until all batches are taken. Only what was answered with CONCURRENT_TRANSACTIONS is sent again: the
 * coordinator still writes the markers of the transaction before, so the leader could not add its partitions to this
 * one and stored nothing (KIP-890; from Kafka 4.1 on the leader itself waits a while).
 */
async function produceTo(
  leader: Connection,
  batches: readonly FinishedBatch[],
  settings: ProduceSettings,
  signal: AbortSignal,
): Promise<void> {
  let left = batches;
  for (const pauseMs of growingPauses(FIRST_PAUSE_MS, PAUSE_MS_MAX, MARKERS_WAIT_MS_MAX)) {
    left = await produceOnce(leader, left, settings, signal);
    if (left.length === 0) return;
    await pause(pauseMs, signal);
  }
  throw new CaptureError(
    "kafka-unclear",
    `Cannot write in a transaction: the one before is not ended after ${MARKERS_WAIT_MS_MAX / 1000} s`,
  );
}

const FIRST_PAUSE_MS = 2;
const PAUSE_MS_MAX = 50;
const MARKERS_WAIT_MS_MAX = 25_000;

/** @returns the batches to send again */
async function produceOnce(
  leader: Connection,
  batches: readonly FinishedBatch[],
  { api, transactionalId, acks }: ProduceSettings,
  signal: AbortSignal,
): Promise<readonly FinishedBatch[]> {
  const topics = [...Map.groupBy(batches, ({ topic }) => topic)].map(([topic, partitions]) => ({
    topic,
    partitions,
  }));
  const request = { transactionalId, acks, timeoutMs: PRODUCE_TIMEOUT_MS, topics };
  if (acks === 0) {
    await leader.send(api, request, signal);
    return [];
  }
  const results = await unclearWhenLost(leader.request(api, request, signal));
  const answers = new Map(
    results.map(({ topic, partition, errorCode }) => [`${topic}/${partition}`, errorCode]),
  );
  return batches.filter(({ topic, partition }) => !isTaken(topic, answers.get(`${topic}/${partition}`)));
}

function isTaken(topic: string, errorCode: number | undefined): boolean {
  if (errorCode === ErrorCode.NONE) return true;
  if (errorCode === ErrorCode.CONCURRENT_TRANSACTIONS) return false;
  if (errorCode === undefined) {
    throw new CaptureError(
      "kafka-unclear",
      `Cannot write to topic "${topic}": the broker's answer leaves it out`,
    );
  }
  throw brokerError({
    action: `write to topic "${topic}"`,
    rule: `--operation Write --topic "${topic}"`,
    otherwise: "kafka-unclear",
  }, errorCode);
}
