// Finds the slot free, or creates it where nothing was ever delivered from it.

import { CaptureError } from "../core/errors.ts";
import type { CaptureParts, CaptureSettings, SessionMemory } from "./capture_parts.ts";
import { loadCheckpoint, probeSink } from "./opening.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import type { Checkpoint, SourceSession } from "./ports.ts";
import { reconcile } from "./reconcile.ts";
import { topicsOf } from "./streaming.ts";
import { runTogether } from "./tasks.ts";
import { delay } from "../core/wait.ts";

// A slot that is not there after this time waits for open transactions.
const SLOT_BLOCKERS_MS = 3_000;

/**
 * Returns when no other instance holds the slot. Kafka is only read meanwhile: nothing here fences an instance that
 * streams.
 * @returns whether the slot was created by this call
 * @throws CaptureError `kafka-refused` where this instance could not deliver once it has the slot; `slot-unusable`
 *   where the slot is gone although a position in it is known
 */
export async function acquireSlot(
  parts: CaptureParts,
  settings: CaptureSettings,
  memory: SessionMemory,
  session: SourceSession,
  identity: SourceIdentity,
  signal: AbortSignal,
): Promise<boolean> {
  for (;;) {
    const slot = await session.slot(signal);
    if (slot === null) {
      if (await createMissing(parts, settings, memory, session, identity, signal)) return true;
      continue;
    }
    if (slot.activePid === null) return false;
    parts.observer.stateChanged("postgres", "waiting");
    if (!memory.kafkaTried) {
      // A rollout stops at a replica that could not take over, while the other one still delivers.
      await probeSink(parts, identity, memory, topicsOf(parts, session.publishedTables), signal);
      memory.kafkaTried = true;
      continue;
    }
    parts.lifecycle.slotHeld(settings.slot, slot.activePid);
    await delay(settings.pollIntervalMs, signal);
  }
}

/** @returns whether this instance created the slot; false where another one was quicker */
async function createMissing(
  parts: CaptureParts,
  settings: CaptureSettings,
  memory: SessionMemory,
  session: SourceSession,
  identity: SourceIdentity,
  signal: AbortSignal,
): Promise<boolean> {
  const progress = await probeSink(parts, identity, memory, [], signal);
  const checkpoint = await loadCheckpoint(parts, settings);
  // Kafka took its time to answer, and what it told may have been delivered from a slot that was created meanwhile.
  if (await session.slot(signal) !== null) return false;
  refuseKnownPosition(settings, identity, session, progress, checkpoint);
  parts.observer.stateChanged("postgres", "connecting");
  return await createSlot(parts, settings, session, signal);
}

/** A slot that is gone although a position in it is known: refused before a new one is created. */
function refuseKnownPosition(
  settings: CaptureSettings,
  identity: SourceIdentity,
  session: SourceSession,
  progress: Progress | null,
  checkpoint: Checkpoint | null,
): void {
  const isKnown = progress !== null || checkpoint !== null;
  if (isKnown && session.server.isStandby) {
    // A failover may be under way: the standby has not synchronized the slot yet.
    throw new CaptureError(
      "postgres-unavailable",
      `Cannot use replication slot "${settings.slot}": the server is a standby and does not have it`,
      { hint: "point PG_HOST at the primary, or wait until the standby has synchronized the slot" },
    );
  }
  reconcile({
    identity,
    delivery: settings.delivery,
    publication: settings.publication,
    timeline: session.server.timeline,
    timelineHistory: [],
    walEnd: 0xffff_ffff_ffff_ffffn,
    slotIsNew: true,
    slotConfirmedLsn: 0n,
    progress,
    checkpoint,
  });
}

/**
 * Creates the slot, and says which transactions that waits for.
 * @returns false where another instance has created it
 */
async function createSlot(
  parts: CaptureParts,
  settings: CaptureSettings,
  session: SourceSession,
  signal: AbortSignal,
): Promise<boolean> {
  parts.lifecycle.slotCreating(settings.slot);
  let isCreated = false;
  const ended = new AbortController();
  await runTogether([
    async (each) => {
      isCreated = await session.createSlot(each) !== null;
      ended.abort();
    },
    async (each) => {
      const waiting = AbortSignal.any([each, ended.signal]);
      try {
        for (;;) {
          await delay(SLOT_BLOCKERS_MS, waiting);
          parts.lifecycle.slotAwaits(settings.slot, await session.slotBlockers(waiting));
        }
      } catch (error) {
        if (!waiting.aborted) throw error;
      }
    },
  ], signal);
  return isCreated;
}
