// What happens to a capture now and then, for the log: starts, retries, warnings.

import type { CaptureError } from "../core/errors.ts";
import type { Missing } from "./relation_history.ts";
import type { Resumption } from "./reconcile.ts";
import type { PublicationChange, PublishedTable, SlotBlocker, SourceWarning, WalState } from "./ports.ts";
import type { TableName } from "../core/table_name.ts";

/** Told at the rare events. Methods must not throw. */
export interface Lifecycle {
  /** Connected; these tables are published. */
  connected(versionNumber: number, tables: readonly PublishedTable[]): void;
  /** Told with each connection: what is odd about the publication. */
  sourceWarned(warning: SourceWarning): void;
  /** PostgreSQL or Kafka has not answered for so long, and is still waited for. */
  answerAwaited(part: "PostgreSQL" | "Kafka", seconds: number): void;
  /** The publication is as PG_TABLES wants it; called again and again, mostly with nothing changed. */
  publicationKept(change: PublicationChange): void;
  /** The publication could not be kept to PG_TABLES; the tables that it holds are captured all the same. */
  publicationNotKept(error: CaptureError): void;
  /** Another instance holds the slot; called at each look. */
  slotHeld(slot: string, pid: number): void;
  /** A change can't be sent, and a pointer went to the dead-letter topic in its place. */
  deadLettered(found: CaptureError): void;
  /** A table's changes are written without its key, or values as text, because it can't be known how it was. */
  relationUndescribed(relation: TableName, missing: Missing): void;
  /** At each connection: the changes of these tables go to the dead-letter topic, because of their topics. */
  topicsInConflict(conflicts: readonly CaptureError[]): void;
  /** What the slot keeps of the WAL, every few seconds while it is held. */
  walWatched(wal: WalState): void;
  /** A slot is about to be made; PostgreSQL waits for open transactions meanwhile. */
  slotCreating(slot: string): void;
  /** The slot is not made yet: these transactions have to end first. */
  slotAwaits(slot: string, blockers: readonly SlotBlocker[]): void;
  /** Streaming begins. */
  resumed(resumption: Resumption): void;
  /** An error that is met with another try after `pauseMs`. */
  retrying(error: CaptureError, pauseMs: number): void;
  /** The checkpoint could not be read or written; the progress record in Kafka serves alone. */
  checkpointFailed(error: CaptureError): void;
  /** The checkpoint could be written again. */
  checkpointSaved(): void;
  /** Asked to stop, and not everything that was read could be delivered: it comes again at the next start. */
  abandoned(error: CaptureError): void;
}
