// Waits until the slot is free, or creates it if nothing was ever delivered from it.

import { advice, setting } from "../core/advice.ts";
import { CaptureError } from "../core/errors.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import { type SessionContext, topicsOf } from "./capture_parts.ts";
import { loadCheckpoint, probeSink } from "./opening.ts";
import type { Checkpoint, SourceSession } from "./ports.ts";
import { reconcile } from "./reconcile.ts";
import { runTogether } from "./tasks.ts";

// A slot that does not exist after this time waits for open transactions.
const SLOT_BLOCKERS_MS = 3_000;

/**
 * Returns when no other instance holds the slot. Until then Kafka is only read, so nothing here fences an
 * instance that streams.
 * @returns whether this call created the slot
 * @throws CaptureError `kafka-refused` if this instance could not deliver once it has the slot;
 *   `slot-unusable` if the slot is gone although a position in it is known
 */
export async function acquireSlot(
  context: SessionContext,
  source: SourceSession,
  identity: SourceIdentity,
  signal: AbortSignal,
): Promise<boolean> {
  const { parts, settings, memory } = context;
  for (;;) {
    const slot = await source.slot(signal);
    if (slot === null) {
      if (await createMissing(context, source, identity, signal)) return true;
      continue;
    }
    if (slot.activePid === null) return false;
    parts.events.stateChanged("postgres", "waiting");
    if (!memory.kafkaAccepted) {
      // A rollout stops at a replica that could not take over, while the other one still delivers.
      await probeSink(context, identity, topicsOf(parts, source.publishedTables), signal);
      memory.kafkaAccepted = true;
      continue;
    }
    parts.events.stateChanged("kafka", "waiting");
    parts.events.slotHeld(settings.slot, slot.activePid);
    await parts.clock.sleep(settings.pollIntervalMs, signal);
  }
}

/** @returns whether this instance created the slot; false if another one was faster */
async function createMissing(
  context: SessionContext,
  source: SourceSession,
  identity: SourceIdentity,
  signal: AbortSignal,
): Promise<boolean> {
  const progress = await probeSink(context, identity, [], signal);
  const checkpoint = await loadCheckpoint(context);
  // Kafka took time to answer, and the progress it reported may come from a slot that was created in the
  // meantime.
  if (await source.slot(signal) !== null) return false;
  refuseKnownPosition(context, source, identity, { progress, checkpoint });
  context.parts.events.stateChanged("postgres", "connecting");
  return await createSlot(context, source, signal);
}

/** A slot that is gone although a position in it is known: rejected before a new one is created. */
function refuseKnownPosition(
  { settings }: SessionContext,
  { server }: SourceSession,
  identity: SourceIdentity,
  known: { readonly progress: Progress | null; readonly checkpoint: Checkpoint | null },
): void {
  const isKnown = known.progress !== null || known.checkpoint !== null;
  if (isKnown && server.isStandby) {
    // A failover may be in progress: the standby has not synchronized the slot yet.
    throw new CaptureError(
      "postgres-unavailable",
      `Cannot use replication slot "${settings.slot}": the server is a standby and does not have it`,
      {
        hint: advice`point ${
          setting("pg.host")
        } at the primary, or wait until the standby has synchronized the slot`,
      },
    );
  }
  reconcile({
    identity,
    delivery: settings.delivery,
    publication: settings.publication,
    timeline: server.timeline,
    timelineHistory: [],
    walEnd: 0xffff_ffff_ffff_ffffn,
    slotIsNew: true,
    slotConfirmedLsn: 0n,
    ...known,
  });
}

/**
 * Creates the slot, and reports the transactions that this waits for.
 * @returns false if another instance has created it
 */
async function createSlot(
  { parts: { clock, events }, settings: { slot } }: SessionContext,
  source: SourceSession,
  signal: AbortSignal,
): Promise<boolean> {
  events.slotCreating(slot);
  let isCreated = false;
  const ended = new AbortController();
  const reportBlockers = async (waiting: AbortSignal) => {
    try {
      for (;;) {
        await clock.sleep(SLOT_BLOCKERS_MS, waiting);
        events.slotAwaits(slot, await source.slotBlockers(waiting));
      }
    } catch (error) {
      if (!waiting.aborted) throw error;
    }
  };
  await runTogether([
    async (each) => {
      isCreated = await source.createSlot(each) !== null;
      ended.abort();
    },
    (each) => reportBlockers(AbortSignal.any([each, ended.signal])),
  ], signal);
  return isCreated;
}
