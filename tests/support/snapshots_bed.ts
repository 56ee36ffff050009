// `Snapshots` between a stream and readers that a test plays, and what is delivered of it.

import { relation } from "../../dev/fixtures/pgoutput_bytes.ts";
import type { EncodedRecord } from "../../src/core/encoded_record.ts";
import type { Position } from "../../src/core/position.ts";
import { parseLsn } from "../../src/core/position.ts";
import type { SnapshotLedger, SnapshotNotes, SnapshotState } from "../../src/core/snapshot_state.ts";
import { builtinType } from "../../src/core/builtin_types.ts";
import { ChangeDecoder } from "../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../src/decoder/formats/native/native_format.ts";
import type { MessageBytes } from "../../src/decoder/pgoutput/message_bytes.ts";
import { Batcher } from "../../src/pipeline/batcher.ts";
import { publishTo } from "../../src/pipeline/events.ts";
import type { Batch, Route } from "../../src/pipeline/ports.ts";
import { Snapshots } from "../../src/pipeline/snapshot/snapshots.ts";
import { TableRuns } from "../../src/pipeline/snapshot/table_runs.ts";
import { queuedState, shapeOf, type TableRun } from "../../src/pipeline/snapshot/table_run.ts";
import { UnshownTransactions } from "../../src/pipeline/snapshot/unshown_transactions.ts";
import type { SnapshotTable } from "../../src/pipeline/snapshot_ports.ts";
import { ITEM_TABLE } from "./row_blocks.ts";
import { SimulatedClock } from "./simulated_clock.ts";

export interface SnapshotsBedOptions {
  readonly ledger?: SnapshotLedger;
  readonly isNewSlot?: boolean;
  readonly start?: Position;
  /** Where the stream begins; where `start` ends when not given. */
  readonly streamsFrom?: bigint;
}

export const NO_LEDGER: SnapshotLedger = { states: [], requestsTaken: null };
const START: Position = { commitLsn: 0n, seq: 0, commitTimeMs: 0, endLsn: 1n };

/** The state of table item before its first row is read. */
export const QUEUED: SnapshotState = queuedState({ schema: "public", table: "item" }, "initial", null, 0);

export class SnapshotsBed {
  readonly clock = new SimulatedClock();
  readonly signal = new AbortController().signal;
  readonly decoder = new ChangeDecoder({ format: new NativeFormat("0", "shop"), tombstones: false });
  readonly unshown = new UnshownTransactions(true);
  readonly batcher: Batcher;
  readonly runs: TableRuns;
  readonly snapshots: Snapshots;
  readonly format = new NativeFormat("0", "shop");

  constructor(
    { ledger = NO_LEDGER, isNewSlot = true, start = START, streamsFrom = start.endLsn }: SnapshotsBedOptions =
      {},
  ) {
    const limits = {
      lingerMs: 0,
      enoughBytes: 1e6,
      bufferBytesMax: 1e7,
      bufferRecordsMax: 1e5,
      idleProgressMs: 50,
    };
    this.batcher = new Batcher(limits, () => new LineBatch(), start, this.clock, streamsFrom);
    this.runs = new TableRuns({ ledger, batcher: this.batcher, events: publishTo([]), clock: this.clock });
    this.snapshots = new Snapshots({
      runs: this.runs,
      decoder: this.decoder,
      batcher: this.batcher,
      format: this.format,
      oversize: "stop",
      routeOf: (target) =>
        Promise.resolve({
          topic: target === "dead-letter" ? target : `${target.schema}.${target.table}`,
          partitions: 1,
        }),
      unshown: this.unshown,
      isNewSlot,
      onDue: () => {},
      onWalEnd: () => {},
      events: publishTo([]),
      clock: this.clock,
    });
  }

  /** What the stream sends. */
  async feed(...messages: readonly MessageBytes[]): Promise<void> {
    const { decoder, snapshots, batcher, clock } = this;
    decoder.setNow(clock.wall());
    for (const message of messages) {
      switch (decoder.decode(message)) {
        case "begin":
          await snapshots.begin(decoder.xid, decoder.commitLsn, this.signal);
          break;
        case "relation": {
          const types = decoder.pendingRelation!.columns.map(({ typeOid }) => builtinType(typeOid)!);
          snapshots.described(decoder.defineRelation(undefined, types));
          break;
        }
        case "change":
          snapshots.changed(message.bytes);
          while (decoder.nextRecord()) {
            const route = { topic: "public.item", partitions: 1 };
            batcher.tryAppend(route, decoder.record, 0, decoder.commitLsn, decoder.seq, false, true);
          }
          break;
        case "commit":
          batcher.advanceEnd(decoder.endLsn);
          break;
      }
    }
  }

  /** The stream describes table item. */
  async feedItem(): Promise<void> {
    await this.feed(relation(7, "public", "item", "d", [
      { name: "id", type: 23, key: true },
      { name: "name", type: 25 },
      { name: "big", type: 25 },
    ]));
  }

  /** A reader takes the run that is due, and describes its table. */
  take(table: SnapshotTable = ITEM_TABLE): TableRun {
    const run = this.runs.take();
    if (run === undefined) throw new Error("no run is due");
    const types = table.relation.columns.map(({ typeOid }) => builtinType(typeOid)!);
    const shape = shapeOf(table);
    run.describe(table, { table, types, shape, encoder: this.format.table(shape, types, false) });
    this.runs.watch(run);
    return run;
  }

  /** Sends the rows that are due here. */
  async send(): Promise<void> {
    await this.snapshots.send(true, this.signal);
  }

  /** What is delivered now: each record in few words, and the notes. */
  async deliver(): Promise<
    { readonly records: readonly string[]; readonly notes: SnapshotNotes | undefined }
  > {
    this.batcher.requestNotes();
    const taken = await this.batcher.take(this.signal);
    if (taken === null) throw new Error("nothing is delivered");
    const records = [...(taken.batch as LineBatch).lines];
    this.batcher.release(taken.batch);
    return { records, notes: taken.notes };
  }
}

/** `READ 1 a at 0/13#1`, for each record. */
class LineBatch implements Batch {
  readonly lines: string[] = [];
  bytes = 0;

  get count(): number {
    return this.lines.length;
  }

  fits(): boolean {
    return true;
  }

  append(_route: Route, { bytes, keyEnd, valueEnd }: EncodedRecord): void {
    const { op, after, before, source } = JSON.parse(
      new TextDecoder().decode(bytes.subarray(Math.max(0, keyEnd), valueEnd)),
    );
    const { id, name, big } = after ?? before ?? {};
    const values = [id, name, big].filter((value) => value !== undefined && value !== null);
    const lsn = parseLsn(source.commit_lsn);
    this.lines.push([op, ...values, `at ${lsn}#${source.tx_seq}`].join(" "));
    this.bytes += 100;
  }

  clear(): void {
    this.lines.length = 0;
    this.bytes = 0;
  }
}
