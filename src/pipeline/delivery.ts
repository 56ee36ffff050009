// Delivers batch after batch, each with its progress.

import type { Clock } from "../core/clock.ts";
import type { Position, Progress } from "../core/position.ts";
import type { SnapshotNotes } from "../core/snapshot_state.ts";
import type { Batcher } from "./batcher.ts";
import { DeliveryGroup } from "./delivery_group.ts";
import type { CaptureEvents } from "./events.ts";
import type { Sink } from "./ports.ts";
import type { ProgressTracker } from "./progress_tracker.ts";

export interface DeliveryParts {
  readonly sink: Sink;
  readonly batcher: Batcher;
  readonly tracker: ProgressTracker;
  readonly progressOf: (position: Position) => Progress;
  readonly events: CaptureEvents;
  /** The longest time that a sent batch waits for others to become visible with it. */
  readonly lingerMs: number;
  readonly clock: Clock;
  readonly onDelivered: () => void;
  /** Called with the delivered notes. */
  readonly onNoted: (notes: SnapshotNotes) => void;
}

/** Runs until the batcher is flushed and empty, or until a delivery fails. */
export async function deliver(parts: DeliveryParts, signal: AbortSignal): Promise<void> {
  const { sink, batcher, tracker, events, clock } = parts;
  const group = new DeliveryGroup(parts.lingerMs);
  const take = () => batcher.take(signal, group.joinUntil);
  for (let full = await take(); full !== null; full = await take()) {
    const { batch, position, commitTimeMs } = full;
    const startedAt = clock.now();
    const goesOn = group.mayGoOn(full, startedAt);
    group.add(full, startedAt);
    if (goesOn) {
      await sink.send(batch, signal);
    } else {
      await sink.write(batch, parts.progressOf(position), signal, group.notes);
      tracker.markDelivered(position);
      reportDelivered(parts, group, commitTimeMs);
      if (group.notes !== undefined) parts.onNoted(group.notes);
      group.clear();
    }
    batcher.release(batch);
    const { records, bytes, oldestCommitTimeMs } = batcher.held;
    events.queued(records, bytes, oldestCommitTimeMs);
    if (!goesOn) parts.onDelivered();
  }
}

function reportDelivered({ events, clock }: DeliveryParts, group: DeliveryGroup, commitTimeMs: number): void {
  const { records, bytes, commitTimes, startedAt } = group;
  if (records === 0) return;
  const durationMs = clock.now() - startedAt;
  events.delivered({ records, bytes, durationMs, commitTimeMs, commitTimes, deliveredAtMs: clock.wall() });
}
