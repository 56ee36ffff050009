// The snapshots of one session: takes rows from the readers and sends them for intake.

import type { Clock } from "../../core/clock.ts";
import type { Lsn } from "../../core/position.ts";
import { reasonOf } from "../../core/reason.ts";
import type { TableName } from "../../core/table_name.ts";
import { conflictOf, TopicConflict } from "../../core/topic_conflict.ts";
import { Turns } from "../../core/turns.ts";
import { unlessAborted } from "../../core/wait.ts";
import { Wakeup } from "../../core/wakeup.ts";
import type { ChangeDecoder } from "../../decoder/change_decoder.ts";
import { CompositeMismatch } from "../../decoder/composite_mismatch.ts";
import type { Table } from "../../decoder/table.ts";
import type { Batcher } from "../batcher.ts";
import type { Route } from "../ports.ts";
import { type Chunk, isFault, type ReadMoment, type TableFault, type WholeRead } from "../snapshot_ports.ts";
import { RowQueue, runOf, type Waiting, walEndOf } from "./row_queue.ts";
import { type Numbering, RowSender, type RowSenderParts, type Sendable } from "./row_sender.ts";
import type { EncodedTable, TableRun, TableWindow } from "./table_run.ts";
import type { TableRuns } from "./table_runs.ts";
import type { UnshownTransactions } from "./unshown_transactions.ts";
import { Split, type WholeRows, type WholeTable } from "./whole_read.ts";

export interface SnapshotsParts extends Omit<RowSenderParts, "routeOf"> {
  readonly runs: TableRuns;
  readonly decoder: ChangeDecoder;
  readonly batcher: Batcher;
  /** @param soon tables whose routes will be needed next */
  readonly routeOf: (
    target: TableName | "dead-letter",
    signal: AbortSignal,
    soon?: readonly TableName[],
  ) => Promise<Route>;
  readonly unshown: UnshownTransactions;
  /** Whether nothing had been sent from the slot before this session. */
  readonly isNewSlot: boolean;
  /** Called when there are rows to send or work to do at a border. */
  readonly onDue: () => void;
  /** Called with each end of the server's WAL that is seen. */
  readonly onWalEnd: (walEnd: Lsn) => void;
  readonly clock: Clock;
}

/** Rows are sent for this long at a time; then changes get the same time. */
const SLICE_MS = 10;
/** The number of tables whose topics are created together. */
const SOON_MAX = 100;
const ANY_LSN: Lsn = 0xffff_ffff_ffff_ffffn;

/** Why sending rows stopped: no more rows, no room, or no more time. */
type Ended = "end" | "full" | "late";

export class Snapshots {
  readonly runs: TableRuns;
  readonly #parts: SnapshotsParts;
  readonly #sender: RowSender;
  readonly #queue: RowQueue;
  readonly #changed: Wakeup;
  #sliceAllowedAt = 0;
  /** The work to do at the next border. */
  #atBorder: (() => Promise<void>) | undefined;
  /** A table whose moment waits for the stream to reach its border. */
  #split: Split | undefined;
  readonly #borderTurns = new Turns();
  readonly #splitTurns = new Turns();
  /** Tables that are read as a whole, by relation id. */
  readonly #wholes = new Map<number, WholeTable>();
  #streamedUpTo: Lsn = 0n;

  constructor(parts: SnapshotsParts) {
    this.runs = parts.runs;
    this.#parts = parts;
    this.#sender = new RowSender(parts);
    this.#changed = new Wakeup(parts.clock);
    this.#queue = new RowQueue((whole) => this.#endWhole(whole));
  }

  // Methods for readers.

  /** Bytes of rows read but not yet sent. */
  get heldBytes(): number {
    return this.#queue.heldBytes;
  }

  /** Opens a window, before rows of the run's table are read. */
  open(run: TableRun, keys: readonly (readonly string[])[] | null): TableWindow {
    return run.open(keys, this.#streamedUpTo);
  }

  /**
   * Queues a chunk that was read.
   * @returns an already streamed transaction that the chunk does not see, so that its rows can't be used; 0
   *   if they are out of date
   */
  arrived(opened: TableWindow, chunk: Chunk): number | undefined {
    const unseen = this.#unseenBy(chunk.moment, opened.window.openedAt);
    const { run } = opened;
    const hasMore = run.arrived(opened, chunk);
    if (unseen !== undefined || opened.window.isStale) {
      run.rewind();
      return unseen ?? 0;
    }
    if (hasMore) this.runs.touch(run);
    this.#queue.push({ kind: "chunk", opened });
    this.#wake();
    return undefined;
  }

  /** Queues rows of a table that is read as a whole. */
  arrivedWhole(rows: WholeRows): void {
    this.#queue.push({ kind: "whole", rows });
    this.#wake();
  }

  /** Records that all rows of the table are read, or that no more of them may be sent. */
  readToEnd(whole: WholeTable): void {
    whole.isReadToEnd = whole.run.isReadToEnd = true;
    this.#wake();
    if (whole.isOver) this.#endWhole(whole);
  }

  /** Gives up a table whose remaining rows can't be read. */
  giveUp(whole: WholeTable): void {
    whole.isVoid = true;
    if (this.#wholes.get(whole.run.tableOid) === whole) this.#wholes.delete(whole.run.tableOid);
    this.#wake();
  }

  /** Reads while intake waits at a border, so that nothing is streamed in the meantime. */
  async atBorder<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
    using _turn = await this.#borderTurns.take(signal);
    const done = Promise.withResolvers<T>();
    this.#atBorder = () => read().then(done.resolve, done.reject);
    this.#wake();
    return await unlessAborted(done.promise, signal);
  }

  /**
   * Takes the moment of a table's rows at a border, and finds the border in the stream that matches it. One
   * table at a time.
   * @param read takes the moment
   * @returns "again" if the moment matches no border; a transaction that was streamed but is not visible
   */
  async split(
    run: TableRun,
    table: EncodedTable,
    read: () => Promise<WholeRead | TableFault>,
    signal: AbortSignal,
  ): Promise<WholeTable | TableFault | "again" | number> {
    using _turn = await this.#splitTurns.take(signal);
    try {
      const taken = await this.atBorder(async () => {
        using _reading = this.#parts.unshown.reading();
        const found = await read();
        if (isFault(found)) return found;
        const unseen = this.#unseenBy(found.moment, ANY_LSN);
        if (unseen !== undefined) return unseen;
        // Set before intake continues.
        return this.#split = new Split(run, table, found);
      }, signal);
      return taken instanceof Split ? await unlessAborted(taken.result, signal) : taken;
    } finally {
      this.#split = undefined;
    }
  }

  /** Ends, pauses or requeues the run. */
  end(
    run: TableRun,
    status: "complete" | "failed" | "stopped" | "paused" | "queued",
    reason: string | null,
  ): void {
    const whole = this.#wholes.get(run.tableOid);
    if (whole?.run === run) this.giveUp(whole);
    this.runs.end(run, status, reason);
    this.#wake();
  }

  /** Reports that the server's WAL has reached this LSN. */
  reached(walEnd: Lsn): void {
    this.#parts.onWalEnd(walEnd);
  }

  /** The end of WAL up to which everything has been streamed. */
  get streamedTo(): Lsn {
    return this.#parts.batcher.received.endLsn;
  }

  /** The end of WAL that the stream must reach before rows can be sent; undefined if no rows wait for one. */
  get awaitedWalEnd(): Lsn | undefined {
    if (this.#split !== undefined && !this.#isSplitDue) return this.#beyond(this.#split.moment.walEnd);
    const head = this.#queue.head;
    return head === undefined || this.#isAtBorder() ? undefined : this.#beyond(walEndOf(head) ?? 0n);
  }

  // Methods for intake.

  /**
   * Called when a transaction begins.
   * @returns a promise if records have to be sent before it
   */
  begin(xid: number, commitLsn: Lsn, signal: AbortSignal): Promise<void> | undefined {
    const split = this.#split;
    let sent: Promise<void> | undefined;
    if (split !== undefined) {
      const { moment } = split;
      // At this end of WAL, everything that commits before this transaction has been streamed.
      const isReached = commitLsn >= moment.walEnd;
      const isBorder = isReached
        ? this.#parts.batcher.received.commitLsn < commitLsn
        : moment.visibility.sees(xid);
      if (!isBorder) this.#split = split.again();
      else if (isReached) sent = this.#splitAt(commitLsn, signal);
    }
    this.#parts.unshown.add(xid, commitLsn);
    this.#streamedUpTo = commitLsn;
    return sent;
  }

  /** Called after a row was changed or tables were truncated. */
  changed(bytes: Uint8Array): void {
    const { decoder } = this.#parts;
    this.runs.changed(decoder, bytes);
    if (this.#wholes.size === 0 || decoder.truncated === null) return;
    for (const id of decoder.truncated) this.#wholes.get(id)?.truncated(decoder.xid);
  }

  /** Called when the stream describes a table. */
  described(table: Table): void {
    this.runs.described(table);
  }

  /** Whether there are rows to send now or possibly soon. */
  get isWaiting(): boolean {
    return this.runs.open.size > 0 || !this.#queue.isEmpty;
  }

  /** Whether there is work to do at the stream's current position, between two transactions. */
  get isDue(): boolean {
    if (this.#atBorder !== undefined || this.#isSplitDue) return true;
    return !this.#queue.isEmpty && this.#parts.clock.now() >= this.#sliceAllowedAt && this.#isAtBorder();
  }

  /** Waits until work is due or may be due. */
  async wait(signal: AbortSignal): Promise<void> {
    const ms = this.#isAtBorder() ? this.#sliceAllowedAt - this.#parts.clock.now() : undefined;
    if (ms === undefined || ms > 0) await this.#changed.wait(signal, ms);
  }

  /** Sends rows for one slice of time. @param isIdle whether no changes are waiting */
  async send(isIdle: boolean, signal: AbortSignal): Promise<void> {
    const { clock, batcher } = this.#parts;
    const act = this.#atBorder;
    this.#atBorder = undefined;
    await act?.();
    if (this.#isSplitDue) await this.#splitAt(batcher.received.endLsn, signal);
    const startedAt = clock.now();
    const until = startedAt + SLICE_MS;
    while (!signal.aborted && this.#isAtBorder()) {
      const ended = await this.#sendHead(this.#queue.head!, until, signal);
      if (ended === "full" && !isIdle) break;
      if (ended === "full") await batcher.waitForRoom(signal);
      if (clock.now() >= until) break;
    }
    const now = clock.now();
    this.#sliceAllowedAt = isIdle ? now : now + (now - startedAt);
  }

  #wake(): void {
    this.#changed.wake();
    this.#parts.onDue();
  }

  #unseenBy({ visibility, walEnd }: ReadMoment, upTo: Lsn): number | undefined {
    const { unshown, onWalEnd } = this.#parts;
    onWalEnd(walEnd);
    unshown.shown(visibility);
    return unshown.unseenBy(visibility, upTo);
  }

  #isAtBorder(): boolean {
    const head = this.#queue.head;
    if (head === undefined || this.#parts.decoder.inTransaction) return false;
    return this.#isUsable && (walEndOf(head) ?? 0n) <= this.#parts.batcher.received.endLsn;
  }

  /** Whether the stream has reached the border of the moment. */
  get #isSplitDue(): boolean {
    if (this.#split === undefined || this.#parts.decoder.inTransaction) return false;
    return this.#isUsable && this.#split.moment.walEnd <= this.#parts.batcher.received.endLsn;
  }

  /**
   * Whether rows can be sent here. There must be free numbers: no record uses the LSN of the last byte read.
   * And the changes delivered before must have been streamed again, as the rows may not see one of their
   * transactions.
   */
  get #isUsable(): boolean {
    const { received: { commitLsn, endLsn }, isCaughtUp } = this.#parts.batcher;
    return commitLsn < endLsn && isCaughtUp;
  }

  /** Numbers after everything sent so far and before everything that follows. */
  #numbering(): Numbering {
    const { commitLsn, seq, endLsn } = this.#parts.batcher.received;
    const own = endLsn - 1n;
    return { commitLsn: own, next: commitLsn === own ? seq + 1 : 1 };
  }

  /** The given end of WAL, but at least one byte past the current one. */
  #beyond(walEnd: Lsn): Lsn {
    const next = this.#parts.batcher.received.endLsn + 1n;
    return walEnd > next ? walEnd : next;
  }

  async #sendHead(head: Waiting, until: number, signal: AbortSignal): Promise<Ended> {
    const run = runOf(head);
    try {
      return head.kind === "chunk"
        ? await this.#sendChunk(head, until, signal)
        : await this.#sendWhole(head, until, signal);
    } catch (error) {
      if (error instanceof TopicConflict) this.end(run, "failed", reasonOf(conflictOf(run, error)));
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
  ): Promise<Ended> {
    const { opened } = head;
    const { run, window } = opened;
    const ended = await this.#sendRows(opened, run, until, signal);
    if (ended !== "end" || window.isStale) return ended;
    this.#queue.remove(head);
    run.sent(opened);
    this.runs.touch(run);
    if (run.isDrained && run.isReadToEnd && !run.hasKeysToReadAgain) this.end(run, "complete", null);
    return ended;
  }

  async #sendWhole(
    head: Extract<Waiting, { readonly kind: "whole" }>,
    until: number,
    signal: AbortSignal,
  ): Promise<Ended> {
    const { rows } = head;
    const ended = await this.#sendRows(rows, rows.run, until, signal);
    if (ended !== "end" || rows.isVoid) return ended;
    this.runs.touch(rows.run);
    this.#queue.remove(head);
    return ended;
  }

  async #sendRows(rows: Sendable, run: TableRun, until: number, signal: AbortSignal): Promise<Ended> {
    const route = await this.#parts.routeOf(run, signal, this.runs.next(SOON_MAX));
    if (rows.isVoid) return "end";
    run.begin(this.#parts.clock.wall());
    return await this.#sender.send(rows, route, this.#numbering(), until, signal);
  }

  /** Makes this border the moment of the table's rows. */
  async #splitAt(border: Lsn, signal: AbortSignal): Promise<void> {
    const { batcher, routeOf } = this.#parts;
    const split = this.#split!;
    this.#split = undefined;
    batcher.advanceEnd(border);
    const whole = split.reached();
    const { run } = whole;
    run.begin(this.#parts.clock.wall());
    this.#wholes.set(run.tableOid, whole);
    const route = await routeOf(run, signal, this.runs.next(SOON_MAX));
    if (this.#mayHaveBeenSent(run)) {
      // Rows sent before can't be told apart from the rows of this snapshot.
      while (!this.#sender.truncate(whole, route, this.#numbering())) await batcher.waitForRoom(signal);
    }
    if (whole.holdsChanges) await this.#sendAll(whole, signal);
  }

  /** Sends all rows of a table while they are being read. */
  async #sendAll(whole: WholeTable, signal: AbortSignal): Promise<void> {
    const { batcher } = this.#parts;
    while (!whole.isOver) {
      const head = this.#queue.headOf(whole);
      if (head === undefined) await this.#changed.wait(signal);
      else if (await this.#sendWhole(head, Infinity, signal) === "full") await batcher.waitForRoom(signal);
    }
  }

  #mayHaveBeenSent({ tableOid, wasBegun }: TableRun): boolean {
    return !this.#parts.isNewSlot || wasBegun || this.#parts.decoder.isDescribed(tableOid);
  }

  #endWhole(whole: WholeTable): void {
    const { run } = whole;
    if (this.#wholes.get(run.tableOid) !== whole) return;
    this.#wholes.delete(run.tableOid);
    this.runs.end(run, "complete", null);
  }
}
