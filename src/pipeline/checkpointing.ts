// Saves the delivered position in the checkpoint store.

import type { Clock } from "../core/clock.ts";
import { CaptureError } from "../core/errors.ts";
import type { Position, Progress } from "../core/position.ts";
import type { Wakeup } from "../core/wakeup.ts";
import type { CaptureEvents } from "./events.ts";
import type { CheckpointStore, DeliveryGuarantee } from "./ports.ts";
import type { ProgressTracker } from "./progress_tracker.ts";

/** A store syncs its file at each save. Deliveries that end within this time are saved together. */
const BETWEEN_SAVES_MS = 100;

export interface CheckpointingParts {
  readonly store: CheckpointStore;
  readonly tracker: ProgressTracker;
  readonly delivery: DeliveryGuarantee;
  readonly progressOf: (position: Position) => Progress;
  readonly events: CaptureEvents;
  readonly clock: Clock;
  /** Woken at each delivery. */
  readonly delivered: Wakeup;
  /** Whether no further delivery will follow. */
  readonly isDrained: () => boolean;
  readonly onSaved: () => void;
}

/** Saves after deliveries, until there are no more and the last one is saved. */
export async function checkpoint(parts: CheckpointingParts, signal: AbortSignal): Promise<void> {
  const { tracker, clock, delivered, isDrained } = parts;
  while (!isDrained() || isUnsaved(tracker)) {
    if (!isUnsaved(tracker)) await delivered.wait(signal);
    await saveDelivered(parts);
    if (!isDrained()) await clock.sleep(BETWEEN_SAVES_MS, signal);
  }
}

/**
 * Saves the delivered position, unless it is saved already.
 * @throws CaptureError `checkpoint-unavailable` with at-least-once delivery, which has no other record
 */
async function saveDelivered(parts: CheckpointingParts): Promise<void> {
  const { store, tracker, delivery, events } = parts;
  if (!isUnsaved(tracker)) return;
  const position = tracker.delivered;
  try {
    await store.save({ progress: parts.progressOf(position), delivery });
    events.checkpointSaved();
  } catch (error) {
    if (delivery === "at-least-once" || !(error instanceof CaptureError)) throw error;
    // The progress record in Kafka is the truth; the checkpoint only helps to detect faults.
    events.checkpointFailed(error);
  }
  tracker.markSaved(position);
  parts.onSaved();
}

function isUnsaved(tracker: ProgressTracker): boolean {
  return tracker.saved !== tracker.delivered;
}
