// Logs the events in the life of a capture.

import type { CaptureError } from "../core/errors.ts";
import type { CaptureSubscriber, MissingDetails, Part, PartState, ResumedEvent } from "../pipeline/events.ts";
import { formatLsn } from "../core/position.ts";
import type { SnapshotRequest, SnapshotState } from "../core/snapshot_state.ts";
import type {
  PublicationChange,
  PublishedTable,
  SlotBlocker,
  SourceWarning,
  WalState,
} from "../pipeline/ports.ts";
import type { TableName } from "../core/table_name.ts";
import type { Logger } from "./logger.ts";
import { SnapshotLog } from "./snapshot_log.ts";
import type { WalGuard } from "./wal_guard.ts";
import { WalLog } from "./wal_log.ts";

const SLOT_HELD_EVERY_MS = 30_000;
/** The shortest time between two log lines with the same reason for a retry. */
const RETRY_EVERY_MS = 5_000;
const DEAD_LETTERED_EVERY_MS = 10_000;

/** Logs the events of a session's life. */
export class LifecycleLog implements CaptureSubscriber {
  readonly #logger: Logger;
  readonly #walGuard: WalGuard;
  readonly #walLog: WalLog;
  readonly #snapshots: SnapshotLog;
  readonly #now: () => number;
  #checkpointFails = false;
  #slotHeldSaidAt: number | undefined;
  #retrySaid: { readonly message: string; readonly at: number } | undefined;
  #deadLetteredSaidAt: number | undefined;
  #conflictsSaid: ReadonlySet<string> = new Set();
  #unmatchedSaid = "";
  #notKeptSaid = "";

  /** @param now milliseconds since an arbitrary moment */
  constructor(logger: Logger, walGuard: WalGuard, now: () => number) {
    this.#logger = logger;
    this.#walGuard = walGuard;
    this.#walLog = new WalLog(logger, walGuard);
    this.#snapshots = new SnapshotLog(logger, now);
    this.#now = now;
  }

  connected(versionNumber: number, tables: readonly PublishedTable[]): void {
    this.#logger.info("Connected to PostgreSQL", {
      version: `${Math.floor(versionNumber / 10_000)}.${versionNumber % 10_000}`,
      published_tables: tables.length,
    });
    for (const { schema, table } of tables.filter((each) => !each.hasReplicaIdentity)) {
      this.#logger.warn(
        "A published table has no replica identity: its UPDATE and DELETE statements fail in the application",
        { table: `${schema}.${table}`, fix: "add a primary key, or ALTER TABLE ... REPLICA IDENTITY FULL" },
      );
    }
  }

  sourceWarned({ found, fix }: SourceWarning): void {
    this.#logger.warn(found, { fix });
  }

  answerAwaited(part: "PostgreSQL" | "Kafka", seconds: number): void {
    this.#logger.warn(`${part} has not answered for ${seconds} s; still waiting`, {
      fix: part === "PostgreSQL"
        ? "see whether PG_HOST and PG_PORT are PostgreSQL's, and nothing on the way drops packets"
        : "see whether KAFKA_BROKERS and the brokers' advertised.listeners can be reached from here",
    });
  }

  publicationKept({ made, added, removed, unmatched }: PublicationChange): void {
    this.#notKeptSaid = "";
    if (made || added.length > 0 || removed.length > 0) {
      this.#logger.info(made ? "Created the publication" : "Changed the publication", {
        ...(added.length === 0 ? {} : { added: added.join(", ") }),
        ...(removed.length === 0 ? {} : { removed: removed.join(", ") }),
      });
    }
    const found = unmatched.join(", ");
    if (found === this.#unmatchedSaid) return;
    this.#unmatchedSaid = found;
    if (found !== "") {
      this.#logger.warn("PG_TABLES names what no table matches: it is captured when there is one", { found });
    }
  }

  publicationNotKept(error: CaptureError): void {
    if (error.message === this.#notKeptSaid) return;
    this.#notKeptSaid = error.message;
    this.#logger.warn(error.message, error.fix === undefined ? {} : { fix: error.fix });
  }

  /** Does not log every one of many dead letters: the topic contains them all. */
  deadLettered(found: CaptureError): void {
    const now = this.#now();
    if (this.#deadLetteredSaidAt !== undefined && now - this.#deadLetteredSaidAt < DEAD_LETTERED_EVERY_MS) {
      return;
    }
    this.#deadLetteredSaidAt = now;
    const what = found.kind === "record-too-large" ? "is too large for Kafka" : "can't go to its topic";
    this.#logger.warn(`A change ${what}: a pointer to it went to the dead-letter topic`, {
      found: found.message,
    });
  }

  relationUndescribed(relation: TableName, missing: MissingDetails): void {
    const table = `${relation.schema}.${relation.table}`;
    const found = [
      ...(missing.key ? ["its records have the replica identity's key, or none"] : []),
      ...(missing.typeOids.length > 0 ? ["values of its dropped types are strings"] : []),
    ];
    this.#logger.warn(
      "A table was dropped or altered before its changes were read: it can't be known how it was",
      {
        table,
        found: found.join("; "),
      },
    );
  }

  topicsInConflict(conflicts: readonly CaptureError[]): void {
    for (const { message, fix } of conflicts) {
      if (this.#conflictsSaid.has(message)) continue;
      this.#logger.warn(
        `${message}; its changes go to the dead-letter topic`,
        fix === undefined ? {} : { fix },
      );
    }
    this.#conflictsSaid = new Set(conflicts.map(({ message }) => message));
  }

  walWatched(wal: WalState): void {
    const now = this.#now();
    this.#walGuard.take(wal, now);
    this.#walLog.report(now);
    this.#snapshots.report();
  }

  stateChanged(_part: Part, state: PartState): void {
    if (state === "stopped") this.#snapshots.flush();
  }

  snapshotsFound(states: readonly SnapshotState[]): void {
    this.#snapshots.found(states);
  }

  snapshotChanged(state: SnapshotState): void {
    this.#snapshots.changed(state);
  }

  snapshotDelivered(state: SnapshotState): void {
    this.#snapshots.delivered(state);
  }

  snapshotWaits(table: TableName, reason: string): void {
    this.#snapshots.waits(table, reason);
  }

  snapshotRequested(request: SnapshotRequest | undefined, problem: string | undefined): void {
    this.#snapshots.requested(request, problem);
  }

  slotCreating(slot: string): void {
    this.#logger.info("Creating the replication slot; PostgreSQL is waiting for open transactions to end", {
      slot,
    });
  }

  slotAwaits(slot: string, blockers: readonly SlotBlocker[]): void {
    for (const { pid, username, application, since } of blockers) {
      this.#logger.warn("Creating the replication slot has to wait for an older transaction", {
        slot,
        process: pid,
        ...(username === undefined ? {} : { role: username }),
        ...(application === undefined ? {} : { application }),
        ...(since === undefined ? {} : { since }),
        fix: pid === 0
          ? "end it with COMMIT PREPARED or ROLLBACK PREPARED (pg_prepared_xacts)"
          : `wait for it, or end it with SELECT pg_terminate_backend(${pid});`,
      });
    }
  }

  resumed({ position, from, warning }: ResumedEvent): void {
    if (warning !== undefined) this.#logger.warn(sentence(warning));
    this.#logger.info("Streaming", { from, lsn: formatLsn(position.endLsn) });
  }

  retrying(error: CaptureError, pauseMs: number): void {
    const now = this.#now();
    const said = this.#retrySaid;
    if (said?.message === error.message && now - said.at < RETRY_EVERY_MS) return;
    this.#retrySaid = { message: error.message, at: now };
    this.#logger.warn(error.message, {
      ...(error.fix === undefined ? {} : { fix: error.fix }),
      retry_in_ms: pauseMs,
    });
  }

  slotHeld(slot: string, pid: number): void {
    this.#walGuard.forget();
    const now = this.#now();
    if (this.#slotHeldSaidAt !== undefined && now - this.#slotHeldSaidAt < SLOT_HELD_EVERY_MS) return;
    this.#slotHeldSaidAt = now;
    this.#logger.info("Waiting for the slot; another instance is using it", { slot, process: pid });
  }

  checkpointFailed(error: CaptureError): void {
    if (this.#checkpointFails) return;
    this.#checkpointFails = true;
    this.#logger.warn("The checkpoint can't be kept; the progress record in Kafka serves alone", {
      found: error.message,
      ...(error.fix === undefined ? {} : { fix: error.fix }),
    });
  }

  checkpointSaved(): void {
    if (!this.#checkpointFails) return;
    this.#checkpointFails = false;
    this.#logger.info("Saving the checkpoint works again");
  }

  abandoned(error: CaptureError): void {
    this.#logger.warn("Stopped before everything was delivered; the rest is sent at the next start", {
      found: error.message,
    });
  }
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
