// Reads tables one at a time and hands over their rows.

import type { Clock } from "../../core/clock.ts";
import { CaptureError, errorPolicy } from "../../core/errors.ts";
import type { PgType } from "../../core/pg_type.ts";
import { builtinType } from "../../core/builtin_types.ts";
import { reasonOf } from "../../core/reason.ts";
import { tableText } from "../../core/table_name.ts";
import type { RecordFormat } from "../../decoder/formats/format.ts";
import type { CaptureEvents } from "../events.ts";
import type { SourceSession } from "../ports.ts";
import { isFault, type SnapshotReader, type SnapshotTable, type TableFault } from "../snapshot_ports.ts";
import type { RowPace } from "./row_pace.ts";
import type { Snapshots } from "./snapshots.ts";
import { type EncodedTable, shapeOf, type TableRun } from "./table_run.ts";
import type { UnshownTransactions } from "./unshown_transactions.ts";
import { WholeRows, WholeTable } from "./whole_read.ts";

/** The size of a chunk as PostgreSQL sends it. */
const CHUNK_BYTES = 640 * 1024;
/** The largest chunk, as rows can be larger than expected. */
const CHUNK_BYTES_MAX = 6 * 1024 * 1024;
const FIRST_ROWS = 1_000;
const ROWS_MAX = 20_000;
/** A chunk has at most this many times the rows of the previous one. */
const GROWTH = 8;
/** Bytes of rows read ahead of sending. */
const AHEAD_BYTES = 10 * 1024 * 1024;
const ROOM_POLL_MS = 2;
/** The longest pause while waiting for a streamed transaction to become visible. */
const UNSEEN_MS_MAX = 500;
const UNSEEN_TOLD_MS = 5_000;
const LOCKED_MS = 200;
const LOST_MS = 500;
const WAL_POLL_MS = 500;
const WHOLE_BLOCK_BYTES = 512 * 1024;
const WHOLE_BLOCKS_MAX = 6;

export interface TableReadingParts {
  readonly snapshots: Snapshots;
  readonly reader: SnapshotReader;
  readonly session: Pick<SourceSession, "describeRelation">;
  readonly format: RecordFormat;
  readonly unshown: UnshownTransactions;
  readonly pace: RowPace;
  /** Whether the slot may soon be lost. Only changes are sent then. */
  readonly isWalShort: () => boolean;
  readonly events: CaptureEvents;
  readonly clock: Clock;
}

/** How reading a table ended: all rows read, given up, or to be tried again. */
type Ended = "read" | "given up" | "again";

export class TableReading {
  readonly #parts: TableReadingParts;
  #unseenSince: number | undefined;
  #unseenMs = 10;

  constructor(parts: TableReadingParts) {
    this.#parts = parts;
  }

  /** Reads the rest of the run's table. Returns when nothing more can be read now. */
  async read(run: TableRun, signal: AbortSignal): Promise<void> {
    const { clock, events } = this.#parts;
    for (;;) {
      signal.throwIfAborted();
      if (!run.isOpen) return;
      try {
        if (await this.#readSome(run, signal) !== "again") return;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof CaptureError) || errorPolicy(error.kind).action === "stop") throw error;
        // The connection was lost. The stream's connection notices whether the server is lost, too.
        events.snapshotWaits(run, reasonOf(error));
        run.rewind();
        await clock.sleep(LOST_MS, signal);
      }
    }
  }

  async #readSome(run: TableRun, signal: AbortSignal): Promise<Ended> {
    const { snapshots } = this.#parts;
    if (run.encoded === undefined) {
      const fault = await this.#describe(run, signal);
      if (fault !== null) return this.#handle(run, fault);
    }
    if (!run.isOpen) return "given up";
    snapshots.runs.watch(run);
    return run.encoded!.table.order.length === 0
      ? await this.#readWhole(run, signal)
      : await this.#readChunks(run, signal);
  }

  async #describe(run: TableRun, signal: AbortSignal): Promise<TableFault | null> {
    const { reader, format } = this.#parts;
    const table = await reader.describe(run.schema, run.table, signal);
    if (isFault(table)) return table;
    const types = await this.#typesOf(table, signal);
    const shape = shapeOf(table);
    const encoded: EncodedTable = { table, types, shape, encoder: format.table(shape, types, false) };
    run.describe(table, encoded);
    return null;
  }

  async #typesOf({ relation, unknownTypes }: SnapshotTable, signal: AbortSignal): Promise<readonly PgType[]> {
    const { types } = unknownTypes.length === 0
      ? { types: new Map<number, PgType>() }
      : await this.#parts.session.describeRelation(relation.id, unknownTypes, signal);
    return relation.columns.map(({ typeOid }) =>
      builtinType(typeOid) ?? types.get(typeOid) ?? { kind: "other" }
    );
  }

  async #readChunks(run: TableRun, signal: AbortSignal): Promise<Ended> {
    const { snapshots, clock, pace } = this.#parts;
    let rowsMax = FIRST_ROWS;
    for (;;) {
      while (snapshots.heldBytes >= AHEAD_BYTES) await clock.sleep(ROOM_POLL_MS, signal);
      await this.#waitForWal(run, signal);
      await pace.rest(signal);
      if (!run.isOpen) return "given up";
      if (run.encoded === undefined) return "again";
      // Which keys have to be read again is known once everything is sent.
      if (run.isReadToEnd && !(run.isDrained && run.hasKeysToReadAgain)) return "read";
      // Taken keys are in no saved state until they are in a window, so nothing may be awaited in between.
      const keys = run.isReadToEnd ? run.takeKeysToReadAgain() : null;
      const found = await this.#readChunk(run, keys, Math.min(rowsMax, pace.rowsMax), signal);
      if (typeof found === "object") return this.#handle(run, found);
      if (found === undefined) this.#unseenSince = undefined;
      else await this.#waitUntilVisible(run, found, signal);
      const fitting = run.rowBytes === 0 ? ROWS_MAX : Math.ceil(CHUNK_BYTES / run.rowBytes);
      rowsMax = Math.max(1, Math.min(fitting, GROWTH * rowsMax, ROWS_MAX));
    }
  }

  /**
   * Reads one chunk and hands it over.
   * @param keys the keys to read; null for the next rows in order
   * @returns a fault; the transaction that makes the rows unusable, or 0 if they are out of date; undefined
   *   on success
   */
  async #readChunk(
    run: TableRun,
    keys: readonly (readonly string[])[] | null,
    rowsMax: number,
    signal: AbortSignal,
  ): Promise<TableFault | number | undefined> {
    const { snapshots, reader, unshown, pace } = this.#parts;
    using _reading = unshown.reading();
    const opened = snapshots.open(run, keys);
    const { table } = opened.table;
    const query = {
      after: keys === null ? run.readKey : null,
      keys,
      where: run.where,
      rowsMax: keys === null ? rowsMax : keys.length + 1,
      bytesMax: CHUNK_BYTES_MAX,
    };
    let chunk;
    try {
      // A row that changes constantly would be removed from every chunk read while the stream continues.
      chunk = keys === null
        ? await reader.readChunk(table, query, signal)
        : await snapshots.atBorder(() => reader.readChunk(table, query, signal), signal);
    } catch (error) {
      run.discard(opened);
      throw error;
    }
    if (isFault(chunk)) {
      run.discard(opened);
      return chunk;
    }
    pace.didRead(chunk.rows.count);
    if (!opened.window.isStale) return snapshots.arrived(opened, chunk);
    // The run was rewound in the meantime.
    chunk.rows.release();
    run.discard(opened);
    return 0;
  }

  async #waitForWal(run: TableRun, signal: AbortSignal): Promise<void> {
    const { isWalShort, clock, events } = this.#parts;
    if (!isWalShort()) return;
    events.snapshotWaits(run, "the slot may soon be lost, so changes are sent first");
    while (isWalShort()) await clock.sleep(WAL_POLL_MS, signal);
  }

  /** @param xid a streamed transaction that is not visible yet; 0 if the rows were just out of date */
  async #waitUntilVisible(run: TableRun, xid: number, signal: AbortSignal): Promise<void> {
    const { clock, events } = this.#parts;
    if (xid === 0) return;
    const now = clock.now();
    if (this.#unseenSince === undefined) {
      this.#unseenSince = now;
      this.#unseenMs = 10;
    } else if (now - this.#unseenSince > UNSEEN_TOLD_MS) {
      this.#unseenSince = now;
      events.snapshotWaits(
        run,
        `transaction ${xid} is not visible yet: it may be waiting for a synchronous standby, or may not have ended`,
      );
    }
    await clock.sleep(this.#unseenMs, signal);
    this.#unseenMs = Math.min(2 * this.#unseenMs, UNSEEN_MS_MAX);
  }

  async #readWhole(run: TableRun, signal: AbortSignal): Promise<Ended> {
    const { snapshots, reader, clock, pace } = this.#parts;
    const table = run.encoded!;
    await this.#waitForWal(run, signal);
    run.restart();
    let whole: Awaited<ReturnType<Snapshots["split"]>> = "again";
    try {
      const fault = await reader.lock(table.table, run.where, signal);
      if (fault !== null) return this.#handle(run, fault);
      whole = await snapshots.split(
        run,
        table,
        () => reader.readWhole(table.table, run.where, signal),
        signal,
      );
      if (whole === "again") return "again";
      if (typeof whole === "number") {
        await reader.unlock(signal);
        await this.#waitUntilVisible(run, whole, signal);
        return "again";
      }
      if (isFault(whole)) return this.#handle(run, whole);
      for (;;) {
        // While changes are held back, no other rows can be sent, so the total held does not limit this
        // table.
        while (
          whole.waiting >= WHOLE_BLOCKS_MAX || (!whole.holdsChanges && snapshots.heldBytes >= AHEAD_BYTES)
        ) await clock.sleep(ROOM_POLL_MS, signal);
        await pace.rest(signal);
        if (whole.isVoid) break;
        const rows = await whole.read.next(WHOLE_BLOCK_BYTES, signal);
        if (rows === null) break;
        if (isFault(rows)) return this.#handle(run, rows);
        pace.didRead(rows.count);
        snapshots.arrivedWhole(new WholeRows(whole, rows));
      }
      snapshots.readToEnd(whole);
      return "read";
    } finally {
      // Intake may be waiting for the remaining rows.
      if (whole instanceof WholeTable && !whole.isReadToEnd) snapshots.giveUp(whole);
      await reader.unlock(signal);
    }
  }

  /** Applies a fault to the run. */
  #handle(run: TableRun, fault: TableFault): Ended {
    const { snapshots, clock, events } = this.#parts;
    switch (fault.kind) {
      case "gone":
        snapshots.end(run, "failed", `${tableText(run)} does not exist, or is not published`);
        return "given up";
      case "refused":
        snapshots.end(run, "failed", fault.reason);
        return "given up";
      case "changed":
        run.rewind();
        run.forgetTable();
        return "again";
      case "locked":
        events.snapshotWaits(run, "another session has locked the table");
        // Other tables are read first.
        snapshots.runs.putOff(run, clock.now() + LOCKED_MS);
        return "given up";
    }
  }
}
