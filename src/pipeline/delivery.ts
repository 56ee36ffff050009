// The second task: delivers batch after batch, each with its progress.

import type { Batcher } from "./batcher.ts";
import type { Observer } from "./observer.ts";
import type { Position, Progress } from "./position.ts";
import type { Sink } from "./ports.ts";
import type { ProgressTracker } from "./progress_tracker.ts";

/** What delivery works with. */
export interface DeliveryParts {
  readonly sink: Sink;
  readonly batcher: Batcher;
  readonly tracker: ProgressTracker;
  readonly progressOf: (position: Position) => Progress;
  readonly observer: Observer;
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly onDelivered: () => void;
}

/** Runs until the batcher is flushed and empty, or until a delivery fails. */
export async function deliver(parts: DeliveryParts, signal: AbortSignal): Promise<void> {
  const { sink, batcher, tracker, observer, now, wallClock } = parts;
  for (let full = await batcher.take(signal); full !== null; full = await batcher.take(signal)) {
    const { batch, position, commitTimeMs, commitTimes } = full;
    const startedAt = now();
    await sink.write(batch, parts.progressOf(position), signal);
    tracker.markDelivered(position);
    if (batch.count > 0) {
      observer.delivered({
        records: batch.count,
        bytes: batch.bytes,
        durationMs: now() - startedAt,
        commitTimeMs,
        commitTimes,
        deliveredAtMs: wallClock(),
      });
    }
    batcher.release(batch);
    const { records, bytes, oldestCommitTimeMs } = batcher.held;
    observer.queued(records, bytes, oldestCommitTimeMs);
    parts.onDelivered();
  }
}
