// The snapshots of one session: which tables are read, and when their rows are sent.

import type { Clock } from "../../core/clock.ts";
import type { Lsn } from "../../core/position.ts";
import type { SnapshotLedger, SnapshotNotes, SnapshotState } from "../../core/snapshot_state.ts";
import { type TableName, tableText } from "../../core/table_name.ts";
import { conflictOf, TopicConflict } from "../../core/topic_conflict.ts";
import type { Visibility } from "../../core/visibility.ts";
import { unlessAborted } from "../../core/wait.ts";
import { Wakeup } from "../../core/wakeup.ts";
import type { ChangeDecoder } from "../../decoder/change_decoder.ts";
import { CompositeMismatch } from "../../decoder/composite_mismatch.ts";
import type { Table } from "../../decoder/table.ts";
import type { Batcher, NoteSource } from "../batcher.ts";
import type { CaptureEvents } from "../events.ts";
import type { Route } from "../ports.ts";
import { type Chunk, isFault, type TableFault, type WholeRead } from "../snapshot_ports.ts";
import { type Numbering, RowSender, type RowSenderParts } from "./row_sender.ts";
import { type EncodedTable, TableRun, type TableWindow } from "./table_run.ts";
import type { UnshownTransactions } from "./unshown_transactions.ts";
import { Split, type WholeRows, type WholeTable } from "./whole_read.ts";

export interface SnapshotsParts extends Omit<RowSenderParts, "routeOf"> {
  readonly decoder: ChangeDecoder;
  readonly batcher: Batcher;
  readonly routeOf: (target: TableName | "dead-letter", signal: AbortSignal) => Promise<Route>;
  readonly unshown: UnshownTransactions;
  readonly ledger: SnapshotLedger;
  /** Whether nothing was ever sent from the slot before this session. */
  readonly isNewSlot: boolean;
  readonly events: CaptureEvents;
  readonly clock: Clock;
}

/** Rows are sent for this long at a time; then it is the changes' turn, for as long. */
const SLICE_MS = 10;
/** States in one delivery. */
const NOTES_MAX = 200;
const ANY_LSN: Lsn = 0xffff_ffff_ffff_ffffn;

/** What waits to be sent. */
type Waiting =
  | { readonly kind: "chunk"; readonly opened: TableWindow }
  | { readonly kind: "whole"; readonly rows: WholeRows };

/**
 * Intake tells what it reads, and sends rows where a transaction has ended. Readers hand over rows. Nothing here
 * is kept: what is delivered with the rows says where the next session goes on.
 */
export class Snapshots implements NoteSource {
  readonly #parts: SnapshotsParts;
  readonly #sender: RowSender;
  /** By the table's name: the last snapshot of each. */
  readonly #runs = new Map<string, TableRun>();
  /** Open runs by the relation id of their table, once it is known. */
  readonly #watched = new Map<number, TableRun>();
  readonly #open = new Set<TableRun>();
  readonly #queue: Waiting[] = [];
  readonly #dirty = new Set<TableRun>();
  readonly #changed: Wakeup;
  #requestsTaken: bigint | null;
  #areRequestsDirty = false;
  #sliceAllowedAt = 0;
  /** Bytes of rows that were read and not sent. */
  #heldBytes = 0;
  /** A table whose moment waits for its border. */
  #split: Split | undefined;
  #isSplitting = false;
  /** What is to be done at the next border. */
  #atBorder: (() => Promise<void>) | undefined;
  /** Tables of which all rows are being read, by relation id. */
  readonly #wholes = new Map<number, WholeTable>();
  #streamedUpTo: Lsn = 0n;

  constructor(parts: SnapshotsParts) {
    this.#parts = parts;
    this.#sender = new RowSender({
      ...parts,
      routeOf: (target, signal) => parts.routeOf(target, signal),
    });
    this.#changed = new Wakeup(parts.clock);
    this.#requestsTaken = parts.ledger.requestsTaken;
    for (const state of parts.ledger.states) {
      const run = new TableRun(state);
      if (run.status === "running") run.status = "queued";
      this.#runs.set(tableText(run), run);
      if (run.isOpen) this.#open.add(run);
      // What changes before it is read on counts, too.
      if ((run.isOpen || run.status === "paused") && run.tableOid !== 0) this.watch(run);
    }
    parts.batcher.attachNotes(this);
    parts.events.snapshotsFound(parts.ledger.states, parts.clock.wall());
  }

  get runs(): Iterable<TableRun> {
    return this.#runs.values();
  }

  /** Those that go on by themselves. */
  get openRuns(): ReadonlySet<TableRun> {
    return this.#open;
  }

  /** A run that has something to read; it is taken then. */
  takeRun(): TableRun | undefined {
    for (const run of this.#open) {
      if (run.isTaken || (run.isReadToEnd && !(run.isDrained && run.hasKeysToReadAgain))) continue;
      run.isTaken = true;
      return run;
    }
    return undefined;
  }

  get requestsTaken(): bigint | null {
    return this.#requestsTaken;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  run(table: TableName): TableRun | undefined {
    return this.#runs.get(tableText(table));
  }

  /** Begins the snapshot of a table, in place of the last one. */
  add(state: SnapshotState, isTold: boolean): TableRun {
    const run = new TableRun(state);
    const before = this.#runs.get(tableText(run));
    if (before !== undefined) this.#forget(before);
    this.#runs.set(tableText(run), run);
    if (run.isOpen) this.#open.add(run);
    if (isTold) this.touch(run);
    this.#parts.events.snapshotChanged(state);
    this.#changed.wake();
    return run;
  }

  /** Requests up to here are taken. */
  requestsTakenUpTo(offset: bigint): void {
    this.#requestsTaken = offset;
    this.#areRequestsDirty = true;
    this.#parts.batcher.requestNotes();
  }

  /** The state of the run has changed. */
  touch(run: TableRun): void {
    this.#dirty.add(run);
    this.#parts.batcher.requestNotes();
  }

  // What readers call.

  /** The run's table is known: its changes concern the run from now on. */
  watch(run: TableRun): void {
    this.#watched.set(run.tableOid, run);
  }

  /** Before rows of the run's table are read. */
  open(run: TableRun, keys: readonly (readonly string[])[] | null): TableWindow {
    return run.open(keys, this.#streamedUpTo);
  }

  /**
   * Rows were read.
   * @returns a transaction that was streamed before and that they don't have; they can't be used then
   */
  arrived(opened: TableWindow, chunk: Chunk): number | undefined {
    const unseen = this.#unseenBy(chunk.moment.visibility, opened.window.openedAt);
    const { run } = opened;
    const had = run.hasKeysToReadAgain;
    run.arrived(opened, chunk);
    if (unseen !== undefined || opened.window.isStale) {
      run.rewind();
      return unseen ?? 0;
    }
    if (!had && run.hasKeysToReadAgain) this.touch(run);
    this.#heldBytes += chunk.rows.bytes.length;
    this.#queue.push({ kind: "chunk", opened });
    this.#changed.wake();
    return undefined;
  }

  /** Rows of a table without a key were read. */
  arrivedWhole(rows: WholeRows): void {
    this.#heldBytes += rows.rows.bytes.length;
    rows.whole.waiting++;
    this.#queue.push({ kind: "whole", rows });
    this.#changed.wake();
  }

  /** All rows of a table without a key are read, or nothing more of it is sent. */
  readToEnd(whole: WholeTable): void {
    whole.isReadToEnd = true;
    this.#changed.wake();
    if (whole.isOver) this.#endWhole(whole);
  }

  /** Not all rows of the table can be read. */
  giveUp(whole: WholeTable): void {
    whole.isVoid = true;
    if (this.#wholes.get(whole.run.tableOid) === whole) this.#wholes.delete(whole.run.tableOid);
    this.#changed.wake();
  }

  /** Reads while intake stands at a border, so that nothing is streamed meanwhile. */
  async atBorder<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
    while (this.#atBorder !== undefined) await this.#parts.clock.sleep(1, signal);
    const done = Promise.withResolvers<T>();
    this.#atBorder = () => read().then(done.resolve, done.reject);
    this.#changed.wake();
    return await unlessAborted(done.promise, signal);
  }

  /**
   * Takes the moment of a table's rows at a border, and finds the border that it is. One table at a time.
   * @param read takes the moment
   * @returns "again" if it was no border; a transaction that was streamed and is not seen
   */
  async split(
    run: TableRun,
    table: EncodedTable,
    read: () => Promise<WholeRead | TableFault>,
    signal: AbortSignal,
  ): Promise<WholeTable | TableFault | "again" | number> {
    const { clock } = this.#parts;
    while (this.#isSplitting) await clock.sleep(1, signal);
    this.#isSplitting = true;
    try {
      const taken = await this.atBorder(async () => {
        const found = await read();
        if (isFault(found)) return found;
        const unseen = this.#unseenBy(found.moment.visibility, ANY_LSN);
        if (unseen !== undefined) return unseen;
        // Before intake goes on.
        return this.#split = new Split(run, table, found);
      }, signal);
      return taken instanceof Split ? await unlessAborted(taken.result, signal) : taken;
    } finally {
      this.#split = undefined;
      this.#isSplitting = false;
    }
  }

  /** Ends the run, or lets it wait. */
  end(
    run: TableRun,
    status: "complete" | "failed" | "stopped" | "paused" | "queued",
    reason: string | null,
  ): void {
    run.end(status, this.#parts.clock.wall(), reason);
    if (run.isOpen) this.#open.add(run);
    else this.#open.delete(run);
    if (status !== "queued" || run.hasBegun) this.touch(run);
    if (status !== "paused" && status !== "queued") this.#watched.delete(run.tableOid);
    const whole = this.#wholes.get(run.tableOid);
    if (whole?.run === run) {
      whole.isVoid = true;
      this.#wholes.delete(run.tableOid);
      this.#changed.wake();
    }
    this.#parts.events.snapshotChanged(run.state(this.#parts.clock.wall()));
  }

  // What intake calls.

  /**
   * A transaction begins.
   * @returns a promise if something has to be sent before it
   */
  begin(xid: number, commitLsn: Lsn, signal: AbortSignal): Promise<void> | undefined {
    const split = this.#split;
    let sent: Promise<void> | undefined;
    if (split !== undefined) {
      // Everything that commits before it has come.
      if (commitLsn < split.moment.walEnd) split.begin(xid);
      else if (this.#parts.batcher.received.commitLsn >= commitLsn) split.again();
      else sent = this.#splitBefore(commitLsn, signal);
    }
    this.#parts.unshown.add(xid, commitLsn);
    this.#streamedUpTo = commitLsn;
    return sent;
  }

  /** A row was changed, or tables were truncated. */
  changed(bytes: Uint8Array): void {
    if (this.#watched.size === 0) return;
    const { decoder } = this.#parts;
    const { truncated, row } = decoder;
    if (truncated !== null) {
      for (const id of truncated) this.#watched.get(id)?.truncated(decoder.xid);
      this.#dropTruncated(truncated);
      return;
    }
    if (row === null) return;
    const run = this.#watched.get(row.relationId);
    const table = run === undefined ? undefined : decoder.table(row.relationId);
    if (run === undefined || table === undefined) return;
    const had = run.hasKeysToReadAgain;
    run.changed(row, bytes, table, decoder.xid);
    if (!had && run.hasKeysToReadAgain) this.touch(run);
  }

  /** The stream has described a table. */
  described(table: Table): void {
    const run = this.#watched.get(table.id);
    if (run === undefined || !run.isOther(table)) return;
    run.rewind();
    run.forgetTable();
  }

  /** Whether there is anything to be sent, or may be soon. */
  get isWaiting(): boolean {
    return this.#open.size > 0 || this.#queue.length > 0;
  }

  /** Whether rows can be sent where the stream stands, between two transactions. */
  get isDue(): boolean {
    if (this.#atBorder !== undefined || this.#isSplitDue) return true;
    return this.#queue.length > 0 && this.#parts.clock.now() >= this.#sliceAllowedAt && this.#isAtBorder();
  }

  /** The end of WAL that the stream has to reach before rows can be sent; undefined if there is none. */
  get awaitedWalEnd(): Lsn | undefined {
    const { endLsn } = this.#parts.batcher.received;
    const moment = this.#split?.moment;
    if (moment !== undefined && !this.#isSplitDue) {
      return moment.walEnd > endLsn ? moment.walEnd : endLsn + 1n;
    }
    const head = this.#head();
    if (head === undefined || this.#isAtBorder()) return undefined;
    if (head.kind === "whole") return endLsn + 1n;
    const { walEnd } = head.opened.window.chunk.moment;
    return walEnd > endLsn ? walEnd : endLsn + 1n;
  }

  /** Waits until something is there to be sent, or might be. */
  async wait(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const isReady = this.#queue.length > 0 && this.#isAtBorder();
    const ms = isReady ? Math.max(0, this.#sliceAllowedAt - clock.now()) : undefined;
    if (ms !== 0) await this.#changed.wait(signal, ms);
  }

  /** Sends rows for a while. @param isIdle whether no change waits meanwhile */
  async send(isIdle: boolean, signal: AbortSignal): Promise<void> {
    const { clock, batcher } = this.#parts;
    const act = this.#atBorder;
    this.#atBorder = undefined;
    await act?.();
    if (this.#isSplitDue) await this.#splitBefore(batcher.received.endLsn, signal);
    const startedAt = clock.now();
    while (!signal.aborted && this.#isAtBorder()) {
      const ended = await this.#sendHead(startedAt + SLICE_MS, signal);
      if (ended === "full") {
        if (!isIdle) break;
        await batcher.waitForRoom(signal);
      }
      if (clock.now() >= startedAt + SLICE_MS) break;
    }
    const now = clock.now();
    this.#sliceAllowedAt = isIdle ? now : now + (now - startedAt);
  }

  takeNotes(): SnapshotNotes | undefined {
    if (this.#dirty.size === 0 && !this.#areRequestsDirty) return undefined;
    const { clock, batcher } = this.#parts;
    const now = clock.wall();
    const states: SnapshotState[] = [];
    for (const run of this.#dirty) {
      if (states.length === NOTES_MAX) break;
      states.push(run.state(now));
      this.#dirty.delete(run);
    }
    if (this.#dirty.size > 0) {
      batcher.requestNotes();
      return { states, requestsTaken: null };
    }
    const requestsTaken = this.#areRequestsDirty ? this.#requestsTaken : null;
    this.#areRequestsDirty = false;
    return { states, requestsTaken };
  }

  /** The notes are delivered. */
  delivered({ states }: SnapshotNotes): void {
    for (const state of states) this.#parts.events.snapshotDelivered(state);
  }

  #unseenBy(visibility: Visibility, upTo: Lsn): number | undefined {
    const { unshown } = this.#parts;
    unshown.shown(visibility);
    return unshown.unseenBy(visibility, upTo);
  }

  #head(): Waiting | undefined {
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      if (head.kind === "chunk" ? !head.opened.window.isStale : !head.rows.whole.isVoid) return head;
      this.#queue.shift();
      this.#returned(head);
    }
    return undefined;
  }

  #isAtBorder(): boolean {
    const head = this.#head();
    if (head === undefined || this.#parts.decoder.inTransaction) return false;
    const { commitLsn, endLsn } = this.#parts.batcher.received;
    // Its number is the last byte of what was read, which is in no other record.
    if (commitLsn >= endLsn) return false;
    return head.kind === "whole" || head.opened.window.chunk.moment.walEnd <= endLsn;
  }

  async #sendHead(until: number, signal: AbortSignal): Promise<"end" | "full" | "late"> {
    const head = this.#head()!;
    try {
      return head.kind === "chunk"
        ? await this.#sendChunk(head, until, signal)
        : await this.#sendWhole(head, until, signal);
    } catch (error) {
      const run = head.kind === "chunk" ? head.opened.run : head.rows.run;
      if (error instanceof TopicConflict) this.end(run, "failed", conflictOf(run, error).message);
      else if (!(error instanceof CompositeMismatch)) throw error;
      else {
        run.rewind();
        run.forgetTable();
      }
      return "end";
    }
  }

  async #sendChunk(
    head: Extract<Waiting, { readonly kind: "chunk" }>,
    until: number,
    signal: AbortSignal,
  ): Promise<"end" | "full" | "late"> {
    const { run, window, table } = head.opened;
    const route = await this.#parts.routeOf(run, signal);
    if (window.isStale) return "end";
    run.sending(head.opened);
    const { moment, rows } = window.chunk;
    run.begin(this.#parts.clock.wall());
    const ended = await this.#sender.send(
      {
        run,
        table,
        rows,
        moment,
        get cursor() {
          return window.cursor;
        },
        set cursor(row: number) {
          window.cursor = row;
        },
        isRemoved: (row) => window.isRemoved(row),
      },
      route,
      this.#numbering(),
      until,
      signal,
    );
    this.#dirty.add(run);
    if (ended !== "end" || window.isStale) return ended;
    this.#queue.shift();
    this.#returned(head);
    run.sent(head.opened);
    this.touch(run);
    if (run.isDrained && run.isReadToEnd && !run.hasKeysToReadAgain) this.end(run, "complete", null);
    return ended;
  }

  async #sendWhole(
    head: Extract<Waiting, { readonly kind: "whole" }>,
    until: number,
    signal: AbortSignal,
  ): Promise<"end" | "full" | "late"> {
    const { rows } = head;
    const route = await this.#parts.routeOf(rows.run, signal);
    if (rows.whole.isVoid) return "end";
    const ended = await this.#sender.send(rows, route, this.#numbering(), until, signal);
    this.#dirty.add(rows.run);
    if (ended !== "end") return ended;
    this.#queue.splice(this.#queue.indexOf(head), 1);
    this.#returned(head);
    this.touch(rows.run);
    return ended;
  }

  #endWhole(whole: WholeTable): void {
    const { run } = whole;
    if (this.#wholes.get(run.tableOid) === whole) this.end(run, "complete", null);
  }

  /** Records after everything that was sent, and before everything that follows. */
  #numbering(): Numbering {
    const { commitLsn, seq, endLsn } = this.#parts.batcher.received;
    const own = endLsn - 1n;
    return { commitLsn: own, next: commitLsn === own ? seq + 1 : 1 };
  }

  /** Whether the stream stands at the border of the moment. */
  get #isSplitDue(): boolean {
    if (this.#split === undefined || this.#parts.decoder.inTransaction) return false;
    const { commitLsn, endLsn } = this.#parts.batcher.received;
    return commitLsn < endLsn && endLsn >= this.#split.moment.walEnd;
  }

  /** The moment of the table's rows is this border. */
  async #splitBefore(border: Lsn, signal: AbortSignal): Promise<void> {
    const { batcher, routeOf } = this.#parts;
    const split = this.#split!;
    this.#split = undefined;
    batcher.advanceEnd(border);
    const whole = split.reached();
    const { run, table, read: { moment } } = whole;
    run.begin(this.#parts.clock.wall());
    this.#wholes.set(run.tableOid, whole);
    const route = await routeOf(run, signal);
    if (this.#mayHaveBeenSent(run)) {
      // Its rows can't be told from those of the snapshot.
      while (!this.#sender.truncate(run, table, route, moment, this.#numbering())) {
        await batcher.waitForRoom(signal);
      }
    }
    if (whole.holdsChanges) await this.#sendAll(whole, signal);
  }

  /** Sends all rows of a table without a key, as they are read. */
  async #sendAll(whole: WholeTable, signal: AbortSignal): Promise<void> {
    const { batcher } = this.#parts;
    while (!whole.isOver) {
      const head = this.#queue.find((each) => each.kind === "whole" && each.rows.whole === whole);
      if (head?.kind !== "whole") await this.#changed.wait(signal);
      else if (await this.#sendWhole(head, Infinity, signal) === "full") await batcher.waitForRoom(signal);
    }
  }

  #mayHaveBeenSent({ tableOid, wasBegun }: TableRun): boolean {
    return !this.#parts.isNewSlot || wasBegun || this.#parts.decoder.isDescribed(tableOid);
  }

  /** Of tables without a key that were truncated, nothing more is sent. */
  #dropTruncated(ids: readonly number[]): void {
    for (const id of ids) this.#wholes.get(id)?.truncated(this.#parts.decoder.xid);
  }

  #forget(run: TableRun): void {
    run.end("stopped", this.#parts.clock.wall());
    this.#open.delete(run);
    this.#watched.delete(run.tableOid);
    this.#dirty.delete(run);
  }

  #returned(head: Waiting): void {
    this.#heldBytes -= head.kind === "chunk"
      ? head.opened.window.chunk.rows.bytes.length
      : head.rows.rows.bytes.length;
    if (head.kind === "whole") {
      head.rows.rows.release();
      const { whole } = head.rows;
      whole.waiting--;
      if (whole.isReadToEnd && whole.isOver) this.#endWhole(whole);
    }
  }
}
