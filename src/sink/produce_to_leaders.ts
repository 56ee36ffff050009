// Sends finished record batches to their partitions' leaders, one request per broker, all at the same time.

import { CaptureError } from "../core/errors.ts";
import { unlessAborted } from "../core/wait.ts";
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
  const requests = all.map(({ leader, partitions }) => {
    const move = leadershipMove(directory, partitions);
    return unlessMoved(produceTo(leader, partitions, settings, signal), move, signal);
  });
  try {
    await Promise.all(requests.map(async (request) => {
      const rejection = await request;
      if (rejection !== undefined) throw rejection;
    }));
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    throw await areAnswered(requests, signal) ? new BatchesRejected(error) : error;
  }
}

/** The error of batches that brokers rejected. All Produce requests were answered, so none can still arrive. */
export class BatchesRejected extends CaptureError {
  constructor({ kind, message, hint }: CaptureError) {
    super(kind, message, hint === undefined ? {} : { hint });
  }
}

/** Brokers answer within milliseconds of each other, unless one has failed. */
const ANSWERS_WAIT_MS = 200;

async function areAnswered(requests: readonly Promise<unknown>[], signal: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWERS_WAIT_MS)]);
  try {
    await unlessAborted(Promise.all(requests), limit);
    return true;
  } catch {
    return false;
  }
}

/** Less than the request's time limit, so that the broker's own answer comes first. */
const PRODUCE_TIMEOUT_MS = 15_000;

/** @returns the error of a batch that the leader rejected. @throws CaptureError `kafka-unclear` */
async function produceTo(
  leader: Connection,
  batches: readonly FinishedBatch[],
  { transactionalId, acks }: ProduceSettings,
  signal: AbortSignal,
): Promise<CaptureError | undefined> {
  const topics = [...Map.groupBy(batches, ({ topic }) => topic)].map(([topic, partitions]) => ({
    topic,
    partitions,
  }));
  const request = { transactionalId, acks, timeoutMs: PRODUCE_TIMEOUT_MS, topics };
  if (acks === 0) {
    await leader.send(produce, request, signal);
    return undefined;
  }
  const results = await unclearWhenLost(leader.request(produce, request, signal));
  const answers = new Map(
    results.map(({ topic, partition, errorCode }) => [`${topic}/${partition}`, errorCode]),
  );
  let rejection: CaptureError | undefined;
  for (const { topic, partition } of batches) {
    rejection ??= rejectionOf(topic, answers.get(`${topic}/${partition}`));
  }
  return rejection;
}

function rejectionOf(topic: string, errorCode: number | undefined): CaptureError | undefined {
  if (errorCode === ErrorCode.NONE) return undefined;
  if (errorCode === undefined) {
    throw new CaptureError(
      "kafka-unclear",
      `Cannot write to topic "${topic}": the broker's response omits it`,
    );
  }
  return brokerError({
    action: `write to topic "${topic}"`,
    rule: `--operation Write --topic "${topic}"`,
    topic,
    otherwise: "kafka-unclear",
  }, errorCode);
}
