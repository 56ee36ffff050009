// Opens what a session needs besides the source: the sink and the checkpoint.

import { CaptureError, errorPolicy } from "../core/errors.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import type { CaptureParts, SessionContext } from "./capture_parts.ts";
import type { Checkpoint, Sink } from "./ports.ts";

const SLOW_MS = 5_000;

/** Opens a sink and retries while Kafka is unreachable. The slot stays held in the meantime. */
export async function openSink(
  context: SessionContext,
  identity: SourceIdentity,
  signal: AbortSignal,
): Promise<{ sink: Sink; progress: Progress | null }> {
  const { parts, memory } = context;
  return await untilKafkaAnswers(context, signal, async () => {
    const sink = parts.createSink(identity, memory.batchSize.bytes);
    try {
      const progress = await warnIfSlow("Kafka", parts, sink.open(signal));
      parts.events.stateChanged("kafka", "streaming");
      memory.kafkaAccepted = true;
      return { sink, progress };
    } catch (error) {
      sink.close();
      throw error;
    }
  });
}

/**
 * Tries Kafka's settings without fencing the instance that delivers, and retries while Kafka is unreachable.
 * @param topics the topics that this instance will write to, besides the progress topic
 * @returns the last delivered progress, or null if there is none
 * @throws CaptureError `kafka-refused` if Kafka would reject `openSink` or a first write
 */
export async function probeSink(
  context: SessionContext,
  identity: SourceIdentity,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<Progress | null> {
  const { parts } = context;
  return await untilKafkaAnswers(context, signal, async () => {
    const progress = await warnIfSlow("Kafka", parts, parts.probeSink(identity, topics, signal));
    parts.events.stateChanged("kafka", "waiting");
    return progress;
  });
}

async function untilKafkaAnswers<Result>(
  { parts: { events, clock }, memory }: SessionContext,
  signal: AbortSignal,
  act: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    events.stateChanged("kafka", "connecting");
    try {
      return await act();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof CaptureError)) throw error;
      const policy = errorPolicy(error.kind);
      if (policy.action !== "retry") throw error;
      const pauseMs = memory.backoff.next(policy.pauseMsMax);
      events.retrying(error, pauseMs);
      await clock.sleep(pauseMs, signal);
    }
  }
}

/**
 * Waits for the promise, and publishes an event if a server accepts a connection and then does not answer.
 */
export async function warnIfSlow<Result>(
  part: "PostgreSQL" | "Kafka",
  { clock, events }: Pick<CaptureParts, "clock" | "events">,
  promise: Promise<Result>,
): Promise<Result> {
  const ended = new AbortController();
  clock.sleep(SLOW_MS, ended.signal).then(() => events.answerAwaited(part, SLOW_MS / 1000), () => {});
  try {
    return await promise;
  } finally {
    ended.abort();
  }
}

/**
 * The checkpoint. With exactly-once delivery one that cannot be read counts as none: Kafka's record is the
 * truth.
 */
export async function loadCheckpoint(context: SessionContext): Promise<Checkpoint | null> {
  try {
    return await context.parts.store.load();
  } catch (error) {
    reportCheckpoint(context, error);
    return null;
  }
}

/** @throws the error, unless exactly-once delivery can continue without a checkpoint */
export function reportCheckpoint({ parts, settings }: SessionContext, error: unknown): void {
  const isTolerable = settings.delivery === "exactly-once" && error instanceof CaptureError &&
    error.kind === "checkpoint-unavailable";
  if (!isTolerable) throw error;
  parts.events.checkpointFailed(error);
}
