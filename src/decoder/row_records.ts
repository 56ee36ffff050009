// What a row change's record is made of: its key, and which of the rows that came are before and after.

import { newKey, oldKey } from "./change_key.ts";
import { type EnvelopeEncoder, EnvelopeRows } from "./envelope.ts";
import type { MessageBytes } from "./message_bytes.ts";
import type { RowChange } from "./pgoutput.ts";
import type { RelationPlan } from "./relation_plan.ts";

/** Writes row changes into `record`. */
export class RowRecords {
  readonly #record: EnvelopeEncoder;
  readonly #rows = new EnvelopeRows();

  constructor(record: EnvelopeEncoder) {
    this.#record = record;
  }

  /** A DELETE; of a changed key, the one of the old. @returns whether it has a key */
  writeDelete(
    plan: RelationPlan,
    change: RowChange,
    message: MessageBytes,
    keyChange: boolean,
    seq: number,
  ): boolean {
    const old = change.oldColumns;
    const key = oldKey(plan, change);
    const rows = this.#rows;
    rows.before = old;
    rows.beforeKeyOnly = change.old === "key";
    rows.after = rows.fill = null;
    rows.keyChange = keyChange;
    this.#record.writeKey(plan, key, message.bytes, old, null);
    this.#record.writeRow(
      plan,
      "DELETE",
      message.bytes,
      rows,
      message.walStartHigh,
      message.walStartLow,
      seq,
    );
    return key !== null;
  }

  /** An INSERT or UPDATE; of a changed key, the INSERT under the new one. */
  writeNew(
    plan: RelationPlan,
    operation: "INSERT" | "UPDATE",
    change: RowChange,
    message: MessageBytes,
    keyChange: boolean,
    seq: number,
  ): void {
    const after = change.newColumns;
    const old = change.old === "none" || change.operation === "INSERT" ? null : change.oldColumns;
    const rows = this.#rows;
    rows.before = keyChange ? null : old;
    rows.beforeKeyOnly = change.old === "key";
    rows.after = after;
    // Under REPLICA IDENTITY FULL the old row brings the values that the new one left out.
    rows.fill = change.old === "full" ? old : null;
    rows.keyChange = keyChange;
    this.#record.writeKey(plan, newKey(plan, change, old), message.bytes, after, old);
    this.#record.writeRow(
      plan,
      operation,
      message.bytes,
      rows,
      message.walStartHigh,
      message.walStartLow,
      seq,
    );
  }
}
