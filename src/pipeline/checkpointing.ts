// The third task: saves in the checkpoint store what was delivered.

import { CaptureError } from "../core/errors.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Position, Progress } from "../core/position.ts";
import type { CheckpointStore, DeliveryGuarantee } from "./ports.ts";
import type { ProgressTracker } from "./progress_tracker.ts";
import { delay, type Wakeup } from "../core/wait.ts";

// A store syncs its file for each save; deliveries that end in between are saved together.
const BETWEEN_SAVES_MS = 100;

/** What checkpointing works with. */
export interface CheckpointingParts {
  readonly store: CheckpointStore;
  readonly tracker: ProgressTracker;
  readonly delivery: DeliveryGuarantee;
  readonly progressOf: (position: Position) => Progress;
  readonly lifecycle: Lifecycle;
  /** Woken at each delivery. */
  readonly delivered: Wakeup;
  readonly onSaved: () => void;
}

/** Saves after deliveries until `stopped` says that no more will come and the last one is saved. */
export async function checkpoint(
  parts: CheckpointingParts,
  stopped: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  while (!stopped() || isUnsaved(parts.tracker)) {
    if (!isUnsaved(parts.tracker)) await parts.delivered.wait(signal);
    await saveDelivered(parts);
    if (!stopped()) await delay(BETWEEN_SAVES_MS, signal);
  }
}

/**
 * Saves what is delivered, if it is not.
 * @throws CaptureError `checkpoint-unavailable` with at-least-once delivery, which has no other record
 */
async function saveDelivered(parts: CheckpointingParts): Promise<void> {
  const { store, tracker, delivery, lifecycle } = parts;
  if (!isUnsaved(tracker)) return;
  const position = tracker.delivered;
  try {
    await store.save({ progress: parts.progressOf(position), delivery });
    lifecycle.checkpointSaved();
  } catch (error) {
    if (delivery === "at-least-once" || !(error instanceof CaptureError)) throw error;
    // The progress record in Kafka is the truth; the checkpoint only helps to notice a fault.
    lifecycle.checkpointFailed(error);
  }
  tracker.markSaved(position);
  parts.onSaved();
}

function isUnsaved(tracker: ProgressTracker): boolean {
  return tracker.saved !== tracker.delivered;
}
