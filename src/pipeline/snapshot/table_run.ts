// The snapshot of one table while it runs: what is read, what is sent, and what changes in the meantime.

import type { Lsn } from "../../core/position.ts";
import type { SnapshotState, SnapshotStatus } from "../../core/snapshot_state.ts";
import type { TableEncoder } from "../../decoder/formats/format.ts";
import type { RowChange } from "../../decoder/pgoutput/messages.ts";
import { TupleColumns } from "../../decoder/pgoutput/tuple.ts";
import { type Table, tableOf } from "../../decoder/table.ts";
import type { Chunk, ReadMoment, RowBlock, SnapshotTable, TypedTable } from "../snapshot_ports.ts";
import { ChunkWindow } from "./chunk_window.ts";
import { KeyBytes, keyOfChange, keyTexts, leavesOut, readRow } from "./row_key.ts";

/** The keys of the current change. */
const OLD_KEY = new KeyBytes();
const NEW_KEY = new KeyBytes();
/** Keys read again in one query. */
const AGAIN_KEYS_MAX = 100;

type Key = readonly string[];

/** A table and the encoder of its rows. */
export interface EncodedTable extends TypedTable {
  readonly shape: Table;
  readonly encoder: TableEncoder;
}

/** The rows of a window and the part of the table that they cover. */
export class TableWindow {
  readonly run: TableRun;
  readonly window: ChunkWindow;
  /** The requested keys; null for the next rows in order. */
  readonly keys: readonly Key[] | null;
  /** The table as it was when the rows were read. */
  readonly table: EncodedTable;

  constructor(run: TableRun, window: ChunkWindow, keys: readonly Key[] | null, table: EncodedTable) {
    this.run = run;
    this.window = window;
    this.keys = keys;
    this.table = table;
  }

  get rows(): RowBlock {
    return this.window.chunk.rows;
  }

  get moment(): ReadMoment {
    return this.window.chunk.moment;
  }

  get isVoid(): boolean {
    return this.window.isStale;
  }

  get cursor(): number {
    return this.window.cursor;
  }

  set cursor(row: number) {
    this.window.cursor = row;
    this.run.sending(this);
  }

  isRemoved(row: number): boolean {
    return this.window.isRemoved(row);
  }
}

export class TableRun {
  readonly schema: string;
  readonly table: string;
  readonly id: string;
  readonly where: string | null;
  /** Whether all of the table's rows have been sent at least once. */
  isWhole: boolean;
  status: SnapshotStatus;
  reason: string | null = null;
  rows: number;
  /** Whether all rows are read, except those to be read again. */
  isReadToEnd = false;
  /** The key of the last row read. */
  readKey: Key | null;
  /** The average size of a row in a chunk; 0 before the first chunk. */
  rowBytes = 0;
  /** The relation id whose changes concern this run. */
  watchedOid: number | undefined;
  /** The table is not read before this time, in milliseconds of the clock's `now`. */
  notBefore = 0;
  /** Whether a reader is working on it. */
  isTaken = false;
  /** Whether an earlier attempt had begun. */
  wasBegun: boolean;
  /** When it ended, in milliseconds since 1970; 0 if it ended in an earlier session. */
  endedAtMs = 0;
  readonly #requestedAtMs: number;
  #startedAtMs: number | null;
  #tableOid: number;
  #orderNames: readonly string[];
  #orderRule: string;
  #rowsExpected: number | null;
  #encoded: EncodedTable | undefined;
  /** The key up to which all rows are sent. */
  #sentKey: Key | null;
  /** The window whose rows are now being sent. */
  #sending: TableWindow | undefined;
  /** Keys to read again, by their JSON text. */
  readonly #again = new Map<string, Key>();
  readonly #windows = new Set<TableWindow>();
  /** The table as the stream describes it, and the positions of the key in it. */
  #streamed: { readonly table: Table; readonly positions: readonly number[] | null } | undefined;

  constructor(state: SnapshotState) {
    this.schema = state.schema;
    this.table = state.table;
    this.id = state.id;
    this.where = state.where;
    this.isWhole = state.isWhole;
    this.status = state.status;
    this.rows = state.rows;
    this.reason = state.reason;
    this.#sentKey = this.readKey = state.lastKey;
    this.#tableOid = state.tableOid;
    this.#orderNames = state.keyColumns;
    this.#orderRule = state.keyOrder;
    this.#rowsExpected = state.rowsExpected;
    this.#requestedAtMs = state.requestedAtMs;
    this.#startedAtMs = state.startedAtMs;
    this.wasBegun = state.startedAtMs !== null;
    for (const key of state.again) this.#again.set(JSON.stringify(key), key);
  }

  /** Whether some of its rows may already be in Kafka. */
  get hasBegun(): boolean {
    return this.#startedAtMs !== null;
  }

  /** Whether it continues without a request. */
  get isOpen(): boolean {
    return this.status === "queued" || this.status === "running";
  }

  get rowsExpected(): number | null {
    return this.#rowsExpected;
  }

  /** The table's last description; undefined if it has to be described. */
  get encoded(): EncodedTable | undefined {
    return this.#encoded;
  }

  get tableOid(): number {
    return this.#tableOid;
  }

  get hasKeysToReadAgain(): boolean {
    return this.#again.size > 0;
  }

  get #isPartlyRead(): boolean {
    return this.#windows.size > 0 || this.readKey !== null;
  }

  /** Whether no rows wait to be sent. */
  get isDrained(): boolean {
    return this.#windows.size === 0;
  }

  /**
   * Sets the description of the table.
   * @returns whether the rows read so far are of this table in this order; if not, the run starts over
   */
  describe(table: SnapshotTable, encoded: EncodedTable): boolean {
    const { relation: { id }, orderNames, orderRule, rowsExpected } = table;
    const goesOn = !this.hasBegun ||
      (this.#tableOid === id && orderNames.length > 0 && isSameKey(this.#orderNames, orderNames) &&
        this.#orderRule === orderRule);
    if (!goesOn) this.restart();
    this.#encoded = encoded;
    this.#tableOid = id;
    this.#orderNames = orderNames;
    this.#orderRule = orderRule;
    if (!this.hasBegun) this.#rowsExpected = rowsExpected;
    this.#streamed = undefined;
    return goesOn;
  }

  /** Makes the table be described again. */
  forgetTable(): void {
    this.#encoded = undefined;
  }

  /** Starts over with the first row. */
  restart(): void {
    if (this.rows > 0) this.wasBegun = true;
    this.#dropWindows();
    this.readKey = this.#sentKey = null;
    this.#again.clear();
    this.rows = 0;
    this.isReadToEnd = false;
  }

  /** Drops the rows that are read but not sent; they are read again. */
  rewind(): void {
    const sentKey = this.#currentKey();
    for (const { window, keys } of this.#windows) {
      if (keys !== null) this.#readAgain(keys);
      window.invalidate();
    }
    this.#dropWindows();
    this.#sentKey = this.readKey = sentKey;
    this.isReadToEnd = false;
  }

  /** Removes and returns the next keys to read again. */
  takeKeysToReadAgain(): readonly Key[] {
    const keys = [...this.#again.values()].slice(0, AGAIN_KEYS_MAX);
    for (const key of keys) this.#again.delete(JSON.stringify(key));
    return keys;
  }

  /** Opens a window, before rows are read. @param openedAt the commit LSN of the last streamed transaction */
  open(keys: readonly Key[] | null, openedAt: Lsn): TableWindow {
    const table = this.#encoded!;
    const opened = new TableWindow(this, new ChunkWindow(openedAt, table.table.order), keys, table);
    this.#windows.add(opened);
    return opened;
  }

  /** Accepts the rows of the window. @returns whether there are more keys to read again */
  arrived({ window, keys, table }: TableWindow, chunk: Chunk): boolean {
    const hasMore = this.#readAgain(window.arrived(chunk));
    if (keys !== null) return this.#readAgain(missingKeys(keys, chunk, table.table.order)) || hasMore;
    const { rows, isLast } = chunk;
    if (rows.count > 0) {
      this.readKey = keyOfRow(chunk, rows.count - 1, table.table.order);
      this.rowBytes = (rows.end - rows.starts[0]!) / rows.count;
    }
    this.isReadToEnd = isLast;
    return hasMore;
  }

  /** Gives up the window; its rows have to be read again. */
  discard(opened: TableWindow): void {
    if (!this.#windows.delete(opened)) return;
    if (opened.keys !== null) this.#readAgain(opened.keys);
    opened.window.release();
  }

  /**
   * Marks the run as running. From now on its rows can be sent: all streamed but unseen transactions are
   * known.
   */
  begin(nowMs: number): void {
    this.#startedAtMs ??= nowMs;
    this.status = "running";
  }

  /** Marks the window as the one being sent. */
  sending(opened: TableWindow): void {
    this.#sending = opened;
  }

  /** Closes a window whose rows are all sent. */
  sent(opened: TableWindow): void {
    this.#sentKey = this.#currentKey();
    this.#sending = undefined;
    this.#windows.delete(opened);
    opened.window.release();
  }

  /**
   * Records a change of a row of this table.
   * @param xid the transaction's id
   * @returns whether there are more keys to read again
   */
  changed(row: RowChange, bytes: Uint8Array, table: Table, xid: number): boolean {
    const positions = this.#positionsIn(table);
    if (positions === null) return false;
    const isLeavingOut = leavesOut(row);
    const hasOld = row.old !== "none" && row.operation !== "INSERT" &&
      keyOfChange(bytes, row.oldColumns, null, positions, OLD_KEY);
    if (hasOld) this.#take(xid, OLD_KEY, false);
    if (row.operation === "DELETE") return false;
    const old = row.old === "none" ? null : row.oldColumns;
    if (!keyOfChange(bytes, row.newColumns, old, positions, NEW_KEY)) return false;
    const hasMore = this.#take(xid, NEW_KEY, isLeavingOut);
    // The row may have moved from the unread part of the table to the part already read.
    if (isLeavingOut && hasOld && this.#isPartlyRead && !isSameBytes(OLD_KEY, NEW_KEY)) {
      return this.#readAgain([keyTexts(NEW_KEY.bytes, NEW_KEY.length)]) || hasMore;
    }
    return hasMore;
  }

  truncated(xid: number): void {
    for (const { window } of this.#windows) window.truncated(xid);
  }

  /** @returns whether the table described by the stream differs from the one that was read */
  isOther(table: Table): boolean {
    const read = this.#encoded?.shape;
    return read !== undefined && table.id === read.id &&
      JSON.stringify(table.columns) !== JSON.stringify(read.columns);
  }

  /** Ends, pauses or requeues the run. */
  end(status: SnapshotStatus, nowMs: number, reason: string | null = null): void {
    this.endedAtMs = nowMs;
    if (status === "paused" || status === "queued") this.rewind();
    else this.#dropWindows();
    if (status !== "queued" && status !== "paused") {
      this.#encoded = undefined;
      this.#streamed = undefined;
    }
    if (status === "complete" && this.where === null) this.isWhole = true;
    this.status = status;
    this.reason = reason;
  }

  /** The state as of the last row sent. */
  state(nowMs: number): SnapshotState {
    const inFlight = [...this.#windows].flatMap(({ keys }) => keys ?? []);
    return {
      schema: this.schema,
      table: this.table,
      id: this.id,
      status: this.status,
      where: this.where,
      tableOid: this.#tableOid,
      keyColumns: this.#orderNames,
      lastKey: this.#currentKey(),
      again: [...this.#again.values(), ...inFlight],
      rows: this.rows,
      rowsExpected: this.#rowsExpected,
      keyOrder: this.#orderRule,
      isWhole: this.isWhole,
      reason: this.reason,
      requestedAtMs: this.#requestedAtMs,
      startedAtMs: this.#startedAtMs,
      updatedAtMs: nowMs,
    };
  }

  #currentKey(): Key | null {
    const sending = this.#sending;
    if (sending === undefined || sending.keys !== null) return this.#sentKey;
    const { window, table } = sending;
    return window.cursor === 0 ? this.#sentKey : keyOfRow(window.chunk, window.cursor - 1, table.table.order);
  }

  /** @returns whether there are more keys to read again */
  #take(xid: number, { bytes, length }: KeyBytes, isLeavingOut: boolean): boolean {
    let isLost = false;
    for (const { window } of this.#windows) {
      if (window.changed(xid, bytes, length, isLeavingOut)) isLost = true;
    }
    return isLost && this.#readAgain([keyTexts(bytes, length)]);
  }

  /** @returns whether one of them is new */
  #readAgain(keys: readonly Key[]): boolean {
    const before = this.#again.size;
    for (const key of keys) this.#again.set(JSON.stringify(key), key);
    return this.#again.size > before;
  }

  #positionsIn(table: Table): readonly number[] | null {
    if (this.#streamed?.table !== table) {
      const positions = this.#orderNames.map((name) => table.columns.findIndex((each) => each.name === name));
      const isKnown = positions.length > 0 && !positions.includes(-1);
      this.#streamed = { table, positions: isKnown ? positions : null };
    }
    return this.#streamed.positions;
  }

  #dropWindows(): void {
    for (const { window } of this.#windows) {
      window.invalidate();
      window.release();
    }
    this.#windows.clear();
    this.#sending = undefined;
  }
}

/** The state before the first row of a table is read. */
export function queuedState(
  { schema, table }: { readonly schema: string; readonly table: string },
  id: string,
  where: string | null,
  nowMs: number,
): SnapshotState {
  return {
    schema,
    table,
    id,
    status: "queued",
    where,
    tableOid: 0,
    keyColumns: [],
    lastKey: null,
    again: [],
    rows: 0,
    rowsExpected: null,
    keyOrder: "",
    isWhole: false,
    reason: null,
    requestedAtMs: nowMs,
    startedAtMs: null,
    updatedAtMs: nowMs,
  };
}

/** The table in the decoder's form. */
export function shapeOf({ relation, primaryKey }: SnapshotTable): Table {
  return tableOf(relation, primaryKey);
}

/** The requested keys whose rows were not returned because the chunk reached its byte limit. */
function missingKeys(keys: readonly Key[], chunk: Chunk, order: readonly number[]): readonly Key[] {
  if (chunk.isLast) return [];
  const come = new Set<string>();
  for (let row = 0; row < chunk.rows.count; row++) come.add(JSON.stringify(keyOfRow(chunk, row, order)));
  return keys.filter((key) => !come.has(JSON.stringify(key)));
}

function keyOfRow({ rows }: Chunk, row: number, order: readonly number[]): Key {
  const columns = new TupleColumns();
  const key = new KeyBytes();
  readRow(rows, row, columns);
  keyOfChange(rows.bytes, columns, null, order, key);
  return keyTexts(key.bytes, key.length);
}

function isSameKey(a: Key, b: Key): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

function isSameBytes(a: KeyBytes, b: KeyBytes): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a.bytes[at] !== b.bytes[at]) return false;
  return true;
}
