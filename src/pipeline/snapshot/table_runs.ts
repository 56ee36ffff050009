// The snapshots of all tables: which ones continue, which a change concerns, and what is reported about them.

import type { Clock } from "../../core/clock.ts";
import type { SnapshotLedger, SnapshotNotes, SnapshotState } from "../../core/snapshot_state.ts";
import { type TableName, tableText } from "../../core/table_name.ts";
import { unlessAborted } from "../../core/wait.ts";
import type { ChangeDecoder } from "../../decoder/change_decoder.ts";
import type { Table } from "../../decoder/table.ts";
import type { Batcher, NoteSource } from "../batcher.ts";
import type { CaptureEvents } from "../events.ts";
import { TableRun } from "./table_run.ts";

/** States sent in one delivery. */
const NOTES_MAX = 200;

export interface TableRunsParts {
  readonly ledger: SnapshotLedger;
  readonly batcher: Pick<Batcher, "requestNotes" | "attachNotes">;
  readonly events: Pick<CaptureEvents, "snapshotsFound" | "snapshotChanged" | "snapshotDelivered">;
  readonly clock: Clock;
}

/**
 * Nothing here is stored locally: the states delivered together with the rows tell the next session where to
 * continue.
 */
export class TableRuns implements NoteSource {
  readonly #parts: TableRunsParts;
  /** The last snapshot of each table, by the table's name. */
  readonly #runs = new Map<string, TableRun>();
  readonly #open = new Set<TableRun>();
  /** Runs that have not ended, by the relation id of their table, once known. */
  readonly #watched = new Map<number, TableRun>();
  readonly #dirty = new Set<TableRun>();
  #requestsTaken: bigint | null;
  #areRequestsDirty = false;
  #holdsUnshown: boolean;
  #isHoldDirty = false;
  #isHoldTold: boolean;
  /** Resolves when a run is open again. */
  #opened = Promise.withResolvers<void>();

  constructor(parts: TableRunsParts) {
    this.#parts = parts;
    this.#requestsTaken = parts.ledger.requestsTaken;
    this.#holdsUnshown = this.#isHoldTold = parts.ledger.holdsUnshown ?? false;
    for (const state of parts.ledger.states) {
      const run = new TableRun(state);
      if (run.status === "running") run.status = "queued";
      this.#runs.set(tableText(run), run);
      if (run.isOpen) this.#open.add(run);
      // Changes that arrive before reading resumes count, too.
      if ((run.isOpen || run.status === "paused") && run.tableOid !== 0) this.watch(run);
    }
    parts.batcher.attachNotes(this);
    parts.events.snapshotsFound(parts.ledger.states, parts.clock.wall());
  }

  get all(): Iterable<TableRun> {
    return this.#runs.values();
  }

  /** The runs that continue without a request. */
  get open(): ReadonlySet<TableRun> {
    return this.#open;
  }

  /** Resolves as soon as a run is open. */
  async whenOpen(signal: AbortSignal): Promise<void> {
    while (this.#open.size === 0) await unlessAborted(this.#opened.promise, signal);
  }

  /** Requests in the control topic below this offset have been handled. */
  get requestsTaken(): bigint | null {
    return this.#requestsTaken;
  }

  of(table: TableName): TableRun | undefined {
    return this.#runs.get(tableText(table));
  }

  /** Takes an open run that has something to read; the caller resets `isTaken`. */
  take(): TableRun | undefined {
    const now = this.#parts.clock.now();
    for (const run of this.#open) {
      if (
        run.isTaken || run.notBefore > now || (run.isReadToEnd && !(run.isDrained && run.hasKeysToReadAgain))
      ) continue;
      run.isTaken = true;
      return run;
    }
    return undefined;
  }

  /** It is not read before this time, nor before the others. */
  putOff(run: TableRun, untilMs: number): void {
    run.notBefore = untilMs;
    if (this.#open.delete(run)) this.#open.add(run);
  }

  /** Tables whose rows will probably be sent next. */
  next(count: number): readonly TableName[] {
    const next: TableName[] = [];
    for (const run of this.#open) {
      if (next.length === count) break;
      next.push(run);
    }
    return next;
  }

  /** Starts a snapshot of a table, replacing its last one. @param isTold whether to deliver that at once */
  add(state: SnapshotState, isTold: boolean): void {
    const run = new TableRun(state);
    const before = this.#runs.get(tableText(run));
    if (before !== undefined) {
      this.#watched.delete(before.tableOid);
      this.#dirty.delete(before);
    }
    this.#runs.set(tableText(run), run);
    this.#opens(run);
    if (isTold) this.touch(run);
    this.#parts.events.snapshotChanged(state);
  }

  /** Watches the run's table, which is now known: from now on its changes concern the run. */
  watch(run: TableRun): void {
    const before = run.watchedOid;
    if (before !== undefined && this.#watched.get(before) === run) this.#watched.delete(before);
    run.watchedOid = run.tableOid;
    this.#watched.set(run.tableOid, run);
  }

  /** Ends, pauses or requeues the run. */
  end(
    run: TableRun,
    status: "complete" | "failed" | "stopped" | "paused" | "queued",
    reason: string | null,
  ): void {
    const now = this.#parts.clock.wall();
    run.end(status, now, reason);
    if (run.isOpen) this.#opens(run);
    else this.#open.delete(run);
    if (!run.isOpen && status !== "paused") this.#watched.delete(run.tableOid);
    this.touch(run);
    this.#parts.events.snapshotChanged(run.state(now));
  }

  /** Has the run's state delivered with the next batch. */
  touch(run: TableRun): void {
    this.#dirty.add(run);
    this.#parts.batcher.requestNotes();
  }

  /** Called before rows of the run are appended to a batch; its state must be delivered with that batch. */
  sending(run: TableRun): void {
    this.#dirty.add(run);
  }

  requestsTakenUpTo(offset: bigint): void {
    this.#requestsTaken = offset;
    this.#areRequestsDirty = true;
    this.#parts.batcher.requestNotes();
  }

  /** Whether the next session can rely on transactions that are not yet visible being streamed again. */
  get isHoldTold(): boolean {
    return this.#isHoldTold;
  }

  /**
   * @param holds whether only visible transactions are confirmed from now on, and all confirmed ones are
   *   visible
   */
  holdUnshown(holds: boolean): void {
    if (this.#holdsUnshown === holds) return;
    this.#holdsUnshown = holds;
    this.#isHoldDirty = true;
    this.#parts.batcher.requestNotes();
  }

  /**
   * Called after a change of rows was decoded. The keys that have to be read again because of it are
   * delivered with the batch that holds the change, or earlier.
   */
  changed(decoder: ChangeDecoder, bytes: Uint8Array): void {
    if (this.#watched.size === 0) return;
    const { truncated, row, xid } = decoder;
    if (truncated !== null) {
      for (const id of truncated) this.#watched.get(id)?.truncated(xid);
      return;
    }
    const run = row === null ? undefined : this.#watched.get(row.relationId);
    const table = row === null || run === undefined ? undefined : decoder.table(row.relationId);
    if (row === null || run === undefined || table === undefined) return;
    if (run.changed(row, bytes, table, xid)) this.touch(run);
  }

  /** Called when the stream describes a table; rows read from another version of it are read again. */
  described(table: Table): void {
    const run = this.#watched.get(table.id);
    if (run?.isOther(table) !== true) return;
    run.rewind();
    run.forgetTable();
  }

  takeNotes(): SnapshotNotes | undefined {
    if (this.#dirty.size === 0 && !this.#areRequestsDirty && !this.#isHoldDirty) return undefined;
    const { clock, batcher } = this.#parts;
    const hold = this.#isHoldDirty ? { holdsUnshown: this.#holdsUnshown } : {};
    if (this.#isHoldDirty && this.#holdsUnshown) this.#isHoldTold = true;
    this.#isHoldDirty = false;
    const now = clock.wall();
    const states: SnapshotState[] = [];
    for (const run of this.#dirty) {
      if (states.length === NOTES_MAX) break;
      states.push(run.state(now));
      this.#dirty.delete(run);
    }
    if (this.#dirty.size > 0) {
      // A request counts as handled only once the states of all its tables are delivered.
      batcher.requestNotes();
      return { states, requestsTaken: null, ...hold };
    }
    const requestsTaken = this.#areRequestsDirty ? this.#requestsTaken : null;
    this.#areRequestsDirty = false;
    return { states, requestsTaken, ...hold };
  }

  /** Called when the notes are delivered. */
  delivered({ states, holdsUnshown }: SnapshotNotes): void {
    if (holdsUnshown === false) this.#isHoldTold = this.#holdsUnshown;
    for (const state of states) this.#parts.events.snapshotDelivered(state);
  }

  #opens(run: TableRun): void {
    this.#open.add(run);
    this.#opened.resolve();
    this.#opened = Promise.withResolvers();
  }
}
