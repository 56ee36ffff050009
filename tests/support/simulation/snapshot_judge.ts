// The oracle of a snapshot: identities, and what a consumer that applies the topics in order has at every moment.

import { type Lsn, parseLsn } from "../../../src/core/position.ts";
import type { SnapshotState } from "../../../src/core/snapshot_state.ts";
import { type ChangingTables, GrowingContent } from "./changing_tables.ts";
import type { SimulatedKafka, SimulatedRecord } from "./simulated_kafka.ts";

/** Calls `violate` with each rule that is broken. @param slotFrom what commits below it is not in the stream */
export function judgeSnapshot(
  kafka: Pick<SimulatedKafka, "records" | "completeAt">,
  tables: ChangingTables,
  slotFrom: Lsn,
  violate: (rule: string) => void,
): void {
  const { records, completeAt } = kafka;
  judgeIdentities(records, violate);
  judgeRepetition(kafka, tables, slotFrom, violate);
  judgeBorders(records, new KeyedConsumer(completeAt.get("keyed") ?? Infinity), tables, violate);
  judgeBorders(records, new BagConsumer(completeAt.get("bag") ?? Infinity), tables, violate);
}

/** After each commit to Kafka: a state is delivered together with the rows that it counts. */
export function judgeState(
  records: readonly SimulatedRecord[],
  { table, rows, status }: SnapshotState,
  violate: (rule: string) => void,
): void {
  // A table without a key begins anew when it is interrupted.
  if (table !== "keyed") return;
  const reads = records.filter(({ envelope }) => envelope.op === "READ" && envelope.table === table).length;
  if (reads !== rows) violate(`${table} is ${status} with ${rows} rows, and ${reads} are there`);
}

function judgeIdentities(records: readonly SimulatedRecord[], violate: (rule: string) => void): void {
  let last: readonly [Lsn, number] = [0n, 0];
  for (const { commitLsn, seq, envelope } of records) {
    const place: readonly [Lsn, number] = [parseLsn(commitLsn)!, seq];
    const isLater = place[0] > last[0] || (place[0] === last[0] && place[1] > last[1]);
    if (!isLater) violate(`${envelope.op} ${commitLsn}#${seq} comes after ${last[0]}#${last[1]}`);
    last = place;
  }
}

/** A row that is not changed after the slot was made comes once, and nothing comes of a snapshot that is complete. */
function judgeRepetition(
  { records, completeAt }: Pick<SimulatedKafka, "records" | "completeAt">,
  tables: ChangingTables,
  slotFrom: Lsn,
  violate: (rule: string) => void,
): void {
  const written = new Map<number, Lsn>();
  for (const { commitLsn, changes } of tables.transactions) {
    for (const change of changes) if (change.kind === "put") written.set(change.row.version, commitLsn);
  }
  const read = new Set<number>();
  records.forEach(({ commitLsn, seq, envelope: { table, op, after, source } }, index) => {
    if (source.snapshot !== undefined && index >= (completeAt.get(table) ?? Infinity)) {
      violate(`${op} at ${commitLsn}#${seq} comes when ${table} is complete`);
    }
    if (op !== "READ" || table !== "keyed") return;
    const version = Number(after!.version);
    const isOld = (written.get(version) ?? 0n) < slotFrom;
    if (isOld && read.has(version)) violate(`version ${version} comes again at ${commitLsn}#${seq}`);
    read.add(version);
  });
}

/** What a consumer has of one table. */
interface Consumer {
  apply(record: SimulatedRecord): void;
  /** What differs from the table, of which the consumer has seen so many records. */
  differences(content: GrowingContent, seen: number): Iterable<string>;
}

/** Between two transactions, a consumer has what the table had there. */
function judgeBorders(
  records: readonly SimulatedRecord[],
  consumer: Consumer,
  tables: ChangingTables,
  violate: (rule: string) => void,
): void {
  const content = new GrowingContent(tables.first);
  let next = 0;
  const { transactions } = tables;
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    consumer.apply(record);
    if (records[index + 1]?.commitLsn === record.commitLsn) continue;
    const border = parseLsn(record.commitLsn)!;
    while (next < transactions.length && transactions[next]!.commitLsn <= border) {
      content.apply(transactions[next++]!.changes);
    }
    for (const difference of consumer.differences(content, index + 1)) {
      return violate(`${difference} behind ${record.commitLsn}#${record.seq}`);
    }
  }
  while (next < transactions.length) content.apply(transactions[next++]!.changes);
  for (const difference of consumer.differences(content, Infinity)) {
    return violate(`${difference} in the end`);
  }
}

/** A row as a consumer knows it. */
interface FoldedRow {
  readonly version: number;
  /** Undefined if the stream left it out, and no row before had it. */
  readonly big: string | undefined;
}

class KeyedConsumer implements Consumer {
  readonly #rows = new Map<number, FoldedRow>();
  readonly #completeAt: number;
  #moved: FoldedRow | undefined;

  constructor(completeAt: number) {
    this.#completeAt = completeAt;
  }

  apply({ envelope: { table, op, before, after, source } }: SimulatedRecord): void {
    if (table !== "keyed") return;
    const rows = this.#rows;
    const moved = this.#moved;
    this.#moved = undefined;
    if (op === "TRUNCATE") return rows.clear();
    const id = Number((after ?? before)!.id);
    if (op === "DELETE") {
      this.#moved = source.key_change ? rows.get(id) : undefined;
      rows.delete(id);
      return;
    }
    const big = source.unchanged?.includes("big") ? (rows.get(id) ?? moved)?.big : after!.big as string;
    rows.set(id, { version: Number(after!.version), big });
  }

  *differences({ keyed }: GrowingContent, seen: number): Iterable<string> {
    const isComplete = seen >= this.#completeAt;
    for (const [id, { version, big }] of this.#rows) {
      const row = keyed.get(id);
      if (version !== row?.version || (big ?? row.big) !== row.big) {
        yield `key ${id} is ${version} ${big} instead of ${row?.version} ${row?.big}`;
      }
      if (isComplete && big === undefined) yield `key ${id} has no value`;
    }
    if (!isComplete) return;
    for (const [id, { version }] of keyed) if (!this.#rows.has(id)) yield `${id} ${version} is missing`;
  }
}

class BagConsumer implements Consumer {
  readonly #counts = new Map<number, number>();
  readonly #completeAt: number;

  constructor(completeAt: number) {
    this.#completeAt = completeAt;
  }

  apply({ envelope: { table, op, before, after } }: SimulatedRecord): void {
    if (table !== "bag") return;
    if (op === "TRUNCATE") return this.#counts.clear();
    const value = Number((after ?? before)!.value);
    const count = this.#counts.get(value) ?? 0;
    // Before its snapshot, rows are removed that no consumer has seen.
    this.#counts.set(value, Math.max(0, op === "DELETE" ? count - 1 : count + 1));
  }

  *differences({ bag }: GrowingContent, seen: number): Iterable<string> {
    if (seen < this.#completeAt) return;
    for (let value = 1; value <= 5; value++) {
      const [found, due] = [this.#counts.get(value) ?? 0, bag.filter((each) => each === value).length];
      if (found !== due) yield `value ${value} is there ${found} times instead of ${due} times`;
    }
  }
}
