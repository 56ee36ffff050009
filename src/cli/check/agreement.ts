// Checks whether slot, progress record and checkpoint agree. `run` makes the same decision when it starts.

import { KvCheckpointStore } from "../../checkpoint/kv_store.ts";
import type { Config } from "../../config/config.ts";
import { CaptureError } from "../../core/errors.ts";
import { formatLsn, type Progress, type SourceIdentity } from "../../core/position.ts";
import type { Checkpoint } from "../../pipeline/ports.ts";
import { reconcile } from "../../pipeline/reconcile.ts";
import type { SlotFacts, SystemFacts } from "../../source/inspection.ts";
import { failed, type Finding, ok, warning } from "./finding.ts";

/** The positions that the three places hold. */
export interface Positions {
  readonly identity: SourceIdentity;
  readonly system: SystemFacts;
  /** Null if `run` would create it. */
  readonly slot: SlotFacts | null;
  readonly progress: Progress | null;
  readonly checkpoint: Checkpoint | null;
}

/** What `run` would do with these positions. */
export function agreementFinding(config: Config, positions: Positions): Finding {
  const check = "Positions: slot, progress, checkpoint";
  const { identity, system, slot, progress, checkpoint } = positions;
  try {
    const { from, position, warning: note } = reconcile({
      identity,
      delivery: config.kafka.delivery,
      publication: config.pg.publication,
      timeline: system.timeline,
      timelineHistory: system.timelineHistory,
      walEnd: slot?.walEnd ?? 0xffff_ffff_ffff_ffffn,
      slotIsNew: slot === null,
      slotConfirmedLsn: slot?.confirmed ?? 0n,
      progress,
      checkpoint,
    });
    if (from === "new slot") return ok(check, "none yet: this will be the first start");
    const found = `they agree: run would resume at ${formatLsn(position.endLsn)}, from the ${from}`;
    return note === undefined || slot?.activePid !== null ? ok(check, found) : warning(check, note);
  } catch (error) {
    // A running capture moves the positions between two reads, so they need not match.
    if (slot?.activePid !== null && slot !== null && error instanceof CaptureError) {
      return ok(check, "changing: pg-capture is running");
    }
    return failed(check, error);
  }
}

/** The checkpoint, without creating its file. @throws CaptureError if it can't be read */
export async function readCheckpoint({ replication }: Config): Promise<Checkpoint | null> {
  try {
    await Deno.stat(replication.checkpointFile);
  } catch {
    return null;
  }
  using store = new KvCheckpointStore(replication.checkpointFile);
  return await store.load();
}
