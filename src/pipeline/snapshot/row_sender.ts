// Sends the rows read as READ records between the changes.

import type { Clock } from "../../core/clock.ts";
import { CaptureError } from "../../core/errors.ts";
import { formatLsn, type Lsn } from "../../core/position.ts";
import { isTooLarge, MessageTooLarge, TOO_LARGE_ADVICE, type TooLarge } from "../../core/record_too_large.ts";
import { tableText } from "../../core/table_name.ts";
import { Change } from "../../decoder/change.ts";
import type { RecordFormat } from "../../decoder/formats/format.ts";
import { TupleColumns } from "../../decoder/pgoutput/tuple.ts";
import type { Batcher } from "../batcher.ts";
import type { CaptureEvents } from "../events.ts";
import type { OversizeAction } from "../oversize.ts";
import type { Route } from "../ports.ts";
import type { ReadMoment, RowBlock } from "../snapshot_ports.ts";
import { readRow } from "./row_key.ts";
import type { EncodedTable, TableRun } from "./table_run.ts";
import type { TableRuns } from "./table_runs.ts";

/** The numbers assigned to records. */
export interface Numbering {
  readonly commitLsn: Lsn;
  /** `tx_seq` of the next record. */
  next: number;
}

/** Rows to send, in order, starting at `cursor`. */
export interface Sendable {
  readonly run: TableRun;
  readonly table: EncodedTable;
  readonly rows: RowBlock;
  readonly moment: ReadMoment;
  /** Whether no more of these rows may be sent. */
  readonly isVoid: boolean;
  cursor: number;
  isRemoved(row: number): boolean;
}

/** The subject of a snapshot record. */
export type SnapshotRecord = Pick<Sendable, "run" | "table" | "moment">;

export interface RowSenderParts {
  readonly batcher: Batcher;
  /** Separate from the decoder's format, which can be in the middle of a transaction. */
  readonly format: RecordFormat;
  readonly oversize: OversizeAction;
  readonly routeOf: (target: "dead-letter", signal: AbortSignal) => Promise<Route>;
  readonly runs: Pick<TableRuns, "sending">;
  readonly events: Pick<CaptureEvents, "encoded" | "deadLettered">;
  readonly clock: Clock;
}

/** Rows sent between two checks of the clock. */
const ROWS_AT_ONCE = 256;

export class RowSender {
  readonly #parts: RowSenderParts;
  readonly #change = new Change();
  readonly #columns = new TupleColumns();

  constructor(parts: RowSenderParts) {
    this.#parts = parts;
  }

  /**
   * Sends rows until they are all sent, the batch is full or the time is up.
   * @returns why it stopped
   * @throws CompositeMismatch if the table's types were altered; CaptureError if a row can't be sent
   */
  async send(
    from: Sendable,
    route: Route,
    numbering: Numbering,
    until: number,
    signal: AbortSignal,
  ): Promise<"end" | "full" | "late"> {
    const { clock, events } = this.#parts;
    this.#beginRows(from, numbering);
    const before = from.run.rows;
    try {
      for (;;) {
        try {
          const ended = this.#sendSome(from, route, numbering);
          if (ended !== undefined) return ended;
        } catch (error) {
          if (!isTooLarge(error)) throw error;
          if (!await this.#sendPointer(from, error, numbering, signal)) return "full";
        }
        if (clock.now() >= until) return from.cursor === from.rows.count ? "end" : "late";
      }
    } finally {
      if (from.run.rows > before) events.encoded(from.run, "READ", from.run.rows - before);
    }
  }

  /** Sends a TRUNCATE record, which voids the rows of the table sent before. */
  truncate(of: SnapshotRecord, route: Route, numbering: Numbering): boolean {
    const { run, table } = of;
    this.#begin(of, numbering);
    const change = this.#change;
    change.truncate();
    change.seq = numbering.next;
    table.encoder.encode(change);
    if (!this.#append(route, numbering)) return false;
    this.#parts.events.encoded(run, "TRUNCATE", 1);
    return true;
  }

  #beginRows(from: Sendable, numbering: Numbering): void {
    this.#begin(from, numbering);
    const change = this.#change;
    change.truncate();
    change.operation = "READ";
    change.bytes = from.rows.bytes;
    change.after = this.#columns;
    change.key.set(from.table.shape.key, this.#columns, null);
  }

  #begin({ run, moment: { timeMs, walEnd } }: SnapshotRecord, { commitLsn }: Numbering): void {
    const { format, clock, batcher, runs } = this.#parts;
    const now = clock.wall();
    format.setNow(now);
    batcher.setRecordTime(now);
    format.beginTransaction({ commitLsn, commitTimeUs: timeMs * 1000, xid: 0, snapshot: run.id });
    this.#change.walStartHigh = Number(walEnd >> 32n);
    this.#change.walStartLow = Number(walEnd & 0xffff_ffffn);
    runs.sending(run);
  }

  /** Appends the format's record under the next number. */
  #append(route: Route, numbering: Numbering): boolean {
    const { format, batcher } = this.#parts;
    const { commitLsn, next } = numbering;
    if (!batcher.tryAppend(route, format.record, 0, commitLsn, next, false, false)) return false;
    numbering.next++;
    return true;
  }

  /** @returns undefined if there can be more rows to send at once */
  #sendSome(from: Sendable, route: Route, numbering: Numbering): "end" | "full" | undefined {
    const { run, table: { encoder, table }, rows } = from;
    const change = this.#change;
    const columns = this.#columns;
    const published = table.relation.columns.length;
    const stop = Math.min(rows.count, from.cursor + ROWS_AT_ONCE);
    while (from.cursor < stop) {
      const row = from.cursor;
      if (from.isRemoved(row)) {
        from.cursor++;
        continue;
      }
      readRow(rows, row, columns);
      columns.count = published;
      change.seq = numbering.next;
      encoder.encode(change);
      const omitted = rows.omitted.get(row);
      if (omitted !== undefined) throw new MessageTooLarge(omitted);
      if (!this.#append(route, numbering)) return "full";
      from.cursor++;
      run.rows++;
    }
    return from.cursor === rows.count ? "end" : undefined;
  }

  /** Sends a pointer in place of the last row encoded. @returns false if the batch has no room */
  async #sendPointer(
    from: Sendable,
    found: TooLarge,
    numbering: Numbering,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { format, oversize, events, routeOf, runs } = this.#parts;
    const { run, table } = from;
    const error = refusal(run, numbering, found);
    if (oversize === "stop") throw error;
    const route = await routeOf("dead-letter", signal);
    if (from.isVoid) return false;
    // A new batch may have started.
    runs.sending(run);
    format.encodePointer({
      table: table.shape,
      operation: "READ",
      isKeyChange: false,
      bytes: found.bytes,
      reason: "record-too-large",
      walStartHigh: this.#change.walStartHigh,
      walStartLow: this.#change.walStartLow,
      seq: numbering.next,
    });
    if (!this.#append(route, numbering)) return false;
    from.cursor++;
    run.rows++;
    events.deadLettered(error);
    return true;
  }
}

function refusal(run: TableRun, { commitLsn, next }: Numbering, found: TooLarge): CaptureError {
  return new CaptureError(
    "record-too-large",
    `Cannot send a row of ${tableText(run)} in snapshot ${run.id}, at commit_lsn ${formatLsn(commitLsn)} ` +
      `tx_seq ${next}: ${found.found}`,
    { hint: TOO_LARGE_ADVICE, cause: found },
  );
}
