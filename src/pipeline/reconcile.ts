// Decides from the findings at startup where to resume, or that the operator has to decide.

import { type Advice, advice, setting, START_ANEW } from "../core/advice.ts";
import { CaptureError } from "../core/errors.ts";
import {
  formatLsn,
  isAtLeast,
  type Lsn,
  type Position,
  type Progress,
  type SourceIdentity,
} from "../core/position.ts";
import type { ResumedEvent } from "./events.ts";
import type { Checkpoint, DeliveryGuarantee, TimelineSwitch } from "./ports.ts";

/** Everything that is known before the first change is read. */
export interface Findings {
  readonly identity: SourceIdentity;
  readonly delivery: DeliveryGuarantee;
  readonly publication: string;
  /** The server's timeline, the ones before it, and the end of its WAL. */
  readonly timeline: number;
  readonly timelineHistory: readonly TimelineSwitch[];
  readonly walEnd: Lsn;
  /** Whether the slot was just created, so that its confirmed position is its consistent point. */
  readonly slotIsNew: boolean;
  readonly slotConfirmedLsn: Lsn;
  /** The last committed progress record in Kafka. */
  readonly progress: Progress | null;
  readonly checkpoint: Checkpoint | null;
}

/** Where to resume. */
export interface Resumption {
  readonly position: Position;
  readonly from: ResumedEvent["from"];
  /**
   * Whether PostgreSQL has to send the transaction at the position again, since it commits at or beyond the
   * slot's own position (snapbuild.c, SnapBuildXactNeedsSkip), and the publication is the same.
   */
  readonly comesAgain: boolean;
  /** The slot's own position: PostgreSQL does not send what commits below it. */
  readonly streamsFrom: Lsn;
  /** What the operator should know about it. */
  readonly warning?: string;
}

/**
 * Every combination of findings either resumes or is rejected (docs/DELIVERY.md).
 * @throws CaptureError `position-conflict` if changes may be lost or the source is a different one
 */
export function reconcile(findings: Findings): Resumption {
  const { checkpoint, progress, slotConfirmedLsn } = findings;
  if (checkpoint !== null) refuseOtherSource(findings.identity, checkpoint.progress.identity);
  const known = latest(findings);
  if (known === null) return fromSlot(findings);
  refuseForeignHistory(findings, known.progress);
  const { position } = known.progress;
  if (findings.slotIsNew) throw refuseNewSlot(findings.identity, position);
  if (slotConfirmedLsn > position.endLsn) {
    throw conflict(
      `slot "${findings.identity.slot}" is confirmed up to ${formatLsn(slotConfirmedLsn)}, ` +
        `but only changes up to ${
          formatLsn(position.endLsn)
        } were delivered: another client advanced or re-created the slot`,
      advice`the changes between are lost: make sure that ${setting("kafka.brokers")} and ${
        setting("kafka.topic_prefix")
      } are unchanged, then ${START_ANEW}`,
    );
  }
  const warning = progress !== null && checkpoint === null
    ? "no checkpoint file was found; the progress record in Kafka is used"
    : undefined;
  const isSamePublication = known.progress.publication === findings.publication;
  const comesAgain = isSamePublication && position.commitTimeMs > 0 &&
    slotConfirmedLsn <= position.commitLsn;
  // With another publication, PostgreSQL may not send the same transaction again, now or at the next start.
  const resumed = isSamePublication ? position : { ...position, commitTimeMs: 0 };
  return {
    position: resumed,
    from: known.from,
    comesAgain,
    streamsFrom: slotConfirmedLsn,
    ...(warning === undefined ? {} : { warning }),
  };
}

const OTHER_SERVER_HINT = advice`point ${
  setting("pg.host")
} at the server that was captured before; if it no longer exists, ${START_ANEW}`;

interface Known {
  readonly progress: Progress;
  readonly from: "progress" | "checkpoint";
}

/**
 * The record that counts: Kafka's with exactly-once delivery, the checkpoint after at-least-once delivery.
 */
function latest({ progress, checkpoint, identity }: Findings): Known | null {
  if (checkpoint === null) return progress === null ? null : { progress, from: "progress" };
  const saved = checkpoint.progress;
  if (progress !== null && isAtLeast(progress.position, saved.position)) {
    return { progress, from: "progress" };
  }
  if (checkpoint.delivery === "at-least-once") return { progress: saved, from: "checkpoint" };
  const found = progress === null
    ? "Kafka has no progress record"
    : `Kafka has ${formatLsn(progress.position.endLsn)}`;
  throw conflict(
    `the checkpoint of slot "${identity.slot}" is at ${formatLsn(saved.position.endLsn)}, but ${found}: ` +
      "this is another Kafka cluster or topic prefix, or the progress topic was deleted",
    advice`point ${setting("kafka.brokers")} and ${
      setting("kafka.topic_prefix")
    } at the cluster that was ${advice`used before; or, to continue in this one from the slot's own position, delete the checkpoint file `}(${
      setting("replication.checkpoint_file")
    }): unconfirmed changes may come again`,
  );
}

function fromSlot({ slotIsNew, slotConfirmedLsn }: Findings): Resumption {
  const position = { commitLsn: 0n, seq: 0, commitTimeMs: 0, endLsn: slotConfirmedLsn };
  if (slotIsNew) return { position, from: "new slot", comesAgain: false, streamsFrom: slotConfirmedLsn };
  return {
    position,
    from: "slot",
    comesAgain: false,
    streamsFrom: slotConfirmedLsn,
    warning:
      "the slot exists, but no progress record and no checkpoint: resuming at the slot's own position " +
      `${
        formatLsn(slotConfirmedLsn)
      }; nothing is lost, changes that were delivered but not confirmed may come again`,
  };
}

function refuseOtherSource(expected: SourceIdentity, found: SourceIdentity): void {
  const differences = [
    differs("system identifier", found.systemIdentifier, expected.systemIdentifier),
    differs("database", found.database, expected.database),
    differs("slot", found.slot, expected.slot),
  ].filter((difference) => difference !== "");
  if (differences.length === 0) return;
  throw conflict(
    `the checkpoint file belongs to another source (${differences.join("; ")})`,
    advice`give this capture a file of its own with ${setting("replication.checkpoint_file")}, or point ${
      setting("pg.host")
    }, ${setting("pg.database")} and ${setting("pg.slot_name")} at that source`,
  );
}

function differs(what: string, found: string, expected: string): string {
  return found === expected ? "" : `its ${what} is "${found}", this one's "${expected}"`;
}

/** A restored backup or a promoted standby may lack WAL whose changes were delivered. */
function refuseForeignHistory(findings: Findings, progress: Progress): void {
  const { position, timeline } = progress;
  const reached = position.endLsn > position.commitLsn ? position.endLsn : position.commitLsn;
  if (timeline !== findings.timeline) {
    const left = findings.timelineHistory.find((entry) => entry.timeline === timeline);
    if (left === undefined || reached > left.endLsn) {
      const where = left === undefined
        ? "which is not in its history"
        : `which it left at ${formatLsn(left.endLsn)}`;
      throw conflict(
        `changes up to ${
          formatLsn(reached)
        } on timeline ${timeline} were delivered, but the server is on timeline ` +
          `${findings.timeline}, ${timeline} being one ${where}: it was restored from a backup, or is a standby that lagged`,
        OTHER_SERVER_HINT,
      );
    }
  }
  if (reached > findings.walEnd) {
    throw conflict(
      `changes up to ${formatLsn(reached)} were delivered, but the server's WAL ends at ${
        formatLsn(findings.walEnd)
      }: ` +
        "it was restored from a backup, or it is another server",
      OTHER_SERVER_HINT,
    );
  }
}

function refuseNewSlot(identity: SourceIdentity, position: Position): CaptureError {
  return new CaptureError(
    "slot-unusable",
    `Cannot resume: slot "${identity.slot}" is gone, but changes up to ${
      formatLsn(position.endLsn)
    } were delivered from it`,
    { hint: advice`point ${setting("pg.host")} at the server that has it; if it was dropped, ${START_ANEW}` },
  );
}

function conflict(found: string, hint: Advice): CaptureError {
  return new CaptureError("position-conflict", `Cannot resume: ${found}`, { hint });
}
