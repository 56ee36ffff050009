// Opens what a session needs beside the source: the sink and the checkpoint.

import { CaptureError, errorPolicy } from "../core/errors.ts";
import type { CaptureParts, CaptureSettings, SessionMemory } from "./capture_parts.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import type { Checkpoint, Sink } from "./ports.ts";
import { delay } from "../core/wait.ts";

/** Opens a sink, trying again while Kafka is unreachable: the slot stays held meanwhile. */
export async function openSink(
  parts: CaptureParts,
  identity: SourceIdentity,
  memory: SessionMemory,
  signal: AbortSignal,
): Promise<{ sink: Sink; progress: Progress | null }> {
  return await untilKafkaAnswers(parts, memory, signal, async () => {
    const sink = parts.createSink(identity, memory.batchSize.bytes);
    try {
      const progress = await noticing("Kafka", parts.lifecycle, sink.open(signal));
      parts.observer.stateChanged("kafka", "streaming");
      memory.kafkaTried = true;
      return { sink, progress };
    } catch (error) {
      sink.close();
      throw error;
    }
  });
}

/**
 * Tries the settings of Kafka without fencing the instance that delivers, again and again while it is unreachable.
 * @param topics those that the instance will write beside the progress topic
 * @returns the last delivered progress as it is now, or null when there is none
 * @throws CaptureError `kafka-refused` where `openSink`, or a first write, would be refused
 */
export async function probeSink(
  parts: CaptureParts,
  identity: SourceIdentity,
  memory: SessionMemory,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<Progress | null> {
  return await untilKafkaAnswers(parts, memory, signal, async () => {
    const progress = await noticing("Kafka", parts.lifecycle, parts.probeSink(identity, topics, signal));
    parts.observer.stateChanged("kafka", "waiting");
    return progress;
  });
}

async function untilKafkaAnswers<Result>(
  parts: CaptureParts,
  memory: SessionMemory,
  signal: AbortSignal,
  act: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    parts.observer.stateChanged("kafka", "connecting");
    try {
      return await act();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof CaptureError)) throw error;
      const policy = errorPolicy(error.kind);
      if (policy.action !== "retry") throw error;
      const pauseMs = memory.backoff.next(policy.pauseMsMax);
      parts.lifecycle.retrying(error, pauseMs);
      await delay(pauseMs, signal);
    }
  }
}

/** Waits for the promise; a server that takes a connection and then says nothing is told of before the time is up. */
export async function noticing<T>(
  part: "PostgreSQL" | "Kafka",
  lifecycle: Lifecycle,
  promise: Promise<T>,
): Promise<T> {
  const timer = setTimeout(() => lifecycle.answerAwaited(part, AWAITED_MS / 1000), AWAITED_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

const AWAITED_MS = 5_000;

/** The checkpoint; with exactly-once, one that can't be read counts as none: Kafka's record is the truth. */
export async function loadCheckpoint(
  parts: CaptureParts,
  settings: CaptureSettings,
): Promise<Checkpoint | null> {
  try {
    return await parts.store.load();
  } catch (error) {
    reportCheckpoint(parts, settings, error);
    return null;
  }
}

/** @throws the error, unless exactly-once delivery can bear it */
export function reportCheckpoint(parts: CaptureParts, settings: CaptureSettings, error: unknown): void {
  const isBearable = settings.delivery === "exactly-once" && error instanceof CaptureError &&
    error.kind === "checkpoint-unavailable";
  if (!isBearable) throw error;
  parts.lifecycle.checkpointFailed(error);
}
