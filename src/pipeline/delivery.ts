// The second task: delivers batch after batch, each with its progress.

import type { Batcher } from "./batcher.ts";
import { DeliveryGroup } from "./delivery_group.ts";
import type { Observer } from "./observer.ts";
import type { Position, Progress } from "../core/position.ts";
import type { Sink } from "./ports.ts";
import type { ProgressTracker } from "./progress_tracker.ts";

/** What delivery works with. */
export interface DeliveryParts {
  readonly sink: Sink;
  readonly batcher: Batcher;
  readonly tracker: ProgressTracker;
  readonly progressOf: (position: Position) => Progress;
  readonly observer: Observer;
  /** The longest that a batch which was sent waits for others to become visible with it. */
  readonly lingerMs: number;
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly onDelivered: () => void;
}

/** Runs until the batcher is flushed and empty, or until a delivery fails. */
export async function deliver(parts: DeliveryParts, signal: AbortSignal): Promise<void> {
  const { sink, batcher, tracker, observer, now, wallClock } = parts;
  const group = new DeliveryGroup(parts.lingerMs);
  const take = () => batcher.take(signal, group.joinUntil);
  for (let full = await take(); full !== null; full = await take()) {
    const { batch, position, commitTimeMs } = full;
    const startedAt = now();
    const goesOn = group.mayGoOn(full, startedAt);
    group.add(full, startedAt);
    if (goesOn) {
      await sink.send(batch, signal);
    } else {
      await sink.write(batch, parts.progressOf(position), signal);
      tracker.markDelivered(position);
      if (group.records > 0) {
        observer.delivered({
          records: group.records,
          bytes: group.bytes,
          durationMs: now() - group.startedAt,
          commitTimeMs,
          commitTimes: group.commitTimes,
          deliveredAtMs: wallClock(),
        });
      }
      group.clear();
    }
    batcher.release(batch);
    const { records, bytes, oldestCommitTimeMs } = batcher.held;
    observer.queued(records, bytes, oldestCommitTimeMs);
    if (!goesOn) parts.onDelivered();
  }
}
