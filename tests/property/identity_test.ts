// A model of identities: the same WAL, read again from anywhere and under any catalog, gives each record once.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { ChangeDecoder } from "../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../src/decoder/formats/native/native_format.ts";
import type { MessageBytes } from "../../src/decoder/pgoutput/message_bytes.ts";
import { Deduplicator } from "../../src/pipeline/deduplicator.ts";
import type { Position } from "../../src/core/position.ts";
import {
  at,
  begin,
  commit,
  insert,
  logicalMessage,
  relation,
  remove,
  truncate,
  update,
} from "../../dev/fixtures/pgoutput_bytes.ts";

const COLUMNS = [{ name: "id", type: 23, key: true }, { name: "change", type: 23, key: true }];
const INT4 = { kind: "base", name: "int4" } as const;

/** What happened in the database. `gap` is what other WAL records take up before it. */
type Step =
  | {
    readonly kind: "insert" | "update" | "key update" | "delete" | "truncate" | "message";
    readonly gap: number;
  }
  | { readonly kind: "rows"; readonly gap: number; readonly count: number };
type Event =
  | { readonly kind: "transaction"; readonly steps: readonly Step[]; readonly gap: number }
  | { readonly kind: "message"; readonly gap: number };

/** One reading of the stream: what the catalog says of the key, and after how many new records it is killed. */
interface Reading {
  readonly hasKey: boolean;
  readonly asksForMessages: boolean;
  readonly records: number;
}

/** A message of the stream, and where its transaction commits. */
interface Sent {
  readonly message: MessageBytes;
  readonly isLogicalMessage: boolean;
}

interface Delivered {
  readonly identity: string;
  readonly op: string;
  readonly change: number;
}

const gap = fc.constantFrom(0, 0, 0, 8, 64, 5_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("insert", "update", "key update", "delete", "truncate", "message"),
    gap,
  }),
  fc.record({ kind: fc.constant("rows" as const), gap, count: fc.integer({ min: 2, max: 5 }) }),
);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("transaction" as const),
      steps: fc.array(step, { minLength: 1, maxLength: 8 }),
      gap,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("message" as const), gap }) },
);
const reading: fc.Arbitrary<Reading> = fc.record({
  hasKey: fc.boolean(),
  asksForMessages: fc.boolean(),
  records: fc.nat({ max: 12 }),
});

/** Lays the events into a WAL; each row change has a number of its own in its column `change`. */
function streamOf(
  events: readonly Event[],
): { readonly sent: readonly Sent[]; readonly ops: ReadonlyMap<number, string> } {
  const sent: Sent[] = [];
  const ops = new Map<number, string>();
  let lsn = 0x1000n;
  let change = 0;
  const record = (bytes: bigint): bigint => {
    const begins = lsn;
    lsn += bytes;
    return begins;
  };
  for (const each of events) {
    lsn += BigInt(each.gap);
    if (each.kind === "message") {
      record(48n);
      sent.push({ message: logicalMessage(false, lsn, "p", String(++change)), isLogicalMessage: true });
      ops.set(change, "MESSAGE");
      continue;
    }
    const changes: Sent[] = [];
    const row = (at_: bigint, message: MessageBytes, op: string) => {
      changes.push({ message: at(at_, message), isLogicalMessage: false });
      ops.set(change, op);
    };
    for (const { kind, gap, ...rest } of each.steps) {
      lsn += BigInt(gap);
      const next = String(++change);
      switch (kind) {
        case "insert":
          row(record(32n), insert(1, [next, next]), "INSERT");
          break;
        case "rows": {
          const { count } = rest as { readonly count: number };
          const begins = record(24n + 8n * BigInt(count));
          row(begins, insert(1, [next, next]), "INSERT");
          for (let index = 1; index < count; index++) {
            row(begins, insert(1, [String(++change), String(change)]), "INSERT");
          }
          break;
        }
        case "update":
          row(record(24n), update(1, ["1", next], ["O", ["1", next]]), "UPDATE");
          break;
        case "key update":
          row(record(24n), update(1, ["2", next], ["O", ["1", next]]), "KEY UPDATE");
          break;
        case "delete":
          row(record(24n), remove(1, "O", ["1", next]), "DELETE");
          break;
        case "truncate":
          row(record(40n), truncate(1), "TRUNCATE");
          break;
        case "message":
          record(48n);
          changes.push({ message: logicalMessage(true, lsn, "p", next), isLogicalMessage: true });
          ops.set(change, "MESSAGE");
          break;
      }
    }
    const commitLsn = record(40n);
    sent.push(
      { message: begin(commitLsn, 1_000, 7), isLogicalMessage: false },
      ...changes,
      { message: commit(commitLsn, lsn), isLogicalMessage: false },
    );
  }
  return { sent, ops };
}

/** Reads the stream from its beginning, dropping what is delivered, until it is killed. @returns where it stands then */
function read(
  sent: readonly Sent[],
  { hasKey, asksForMessages, records }: Reading,
  start: Position,
  delivered: Delivered[],
): Position {
  const decoder = new ChangeDecoder({ format: new NativeFormat("0", "d"), tombstones: false });
  decoder.setNow(1);
  const deduplicator = new Deduplicator(start, false);
  let position = start;
  decoder.decode(relation(1, "public", "t", "f", COLUMNS));
  decoder.defineRelation(hasKey ? ["id"] : null, [INT4, INT4]);
  let left = records;
  for (const { message, isLogicalMessage } of sent) {
    if (isLogicalMessage && !asksForMessages) continue;
    if (decoder.decode(message) !== "change") continue;
    while (decoder.nextRecord()) {
      if (deduplicator.isDelivered(decoder.commitLsn, decoder.seq)) continue;
      if (left-- === 0) return position;
      delivered.push(deliveredOf(decoder));
      position = { commitLsn: decoder.commitLsn, seq: decoder.seq, commitTimeMs: 1_000, endLsn: 0n };
    }
  }
  return position;
}

function deliveredOf({ record, commitLsn, seq }: ChangeDecoder): Delivered {
  const text = new TextDecoder().decode(record.bytes.subarray(Math.max(0, record.keyEnd), record.valueEnd));
  const { op, before, after, message, source } = JSON.parse(text);
  strictEqual(source.tx_seq, seq);
  return {
    identity: `${commitLsn}/${seq}`,
    op,
    change: message === undefined
      ? (after ?? before ?? { change: -1 }).change
      : Number(atob(message.content)),
  };
}

Deno.test("each change is delivered once, wherever reading was cut off and whatever the catalog said then", () => {
  fc.assert(
    fc.property(
      fc.array(event, { minLength: 1, maxLength: 6 }),
      fc.array(reading, { maxLength: 8 }),
      (events, readings) => {
        const { sent, ops } = streamOf(events);
        const delivered: Delivered[] = [];
        let position: Position = { commitLsn: 0n, seq: 0, commitTimeMs: 0, endLsn: 0n };
        const last = { hasKey: true, asksForMessages: true, records: Infinity };
        for (const each of [...readings, last]) position = read(sent, each, position, delivered);
        const identities = delivered.map(({ identity }) => identity);
        strictEqual(new Set(identities).size, identities.length, "no identity is there twice");
        const areAllAsked = readings.every(({ asksForMessages }) => asksForMessages);
        const byChange = Map.groupBy(delivered, ({ change }) => change);
        const truncates = [...ops.values()].filter((op) => op === "TRUNCATE").length;
        strictEqual(delivered.filter(({ op }) => op === "TRUNCATE").length, truncates);
        for (const [change, op] of ops) {
          if (op === "TRUNCATE") continue;
          const found = (byChange.get(change) ?? []).map((each) => each.op).join(" then ");
          // Only logical messages that were not asked for are passed over.
          if (op === "MESSAGE") ok(found === op || found === "" && !areAllAsked, found);
          else if (op === "KEY UPDATE") {
            strictEqual(["UPDATE", "DELETE then INSERT", "DELETE then UPDATE"].includes(found), true, found);
          } else deepStrictEqual(found, op);
        }
      },
    ),
    { numRuns: 600 },
  );
});

Deno.test("the identity of a record is a function of the WAL: the same under each catalog, or its change has another shape", () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 6 }), (events) => {
      const { sent, ops } = streamOf(events);
      const start = { commitLsn: 0n, seq: 0, commitTimeMs: 0, endLsn: 0n };
      const [keyed, keyless, silent]: Delivered[][] = [[], [], []];
      read(sent, { hasKey: true, asksForMessages: true, records: Infinity }, start, keyed!);
      read(sent, { hasKey: false, asksForMessages: true, records: Infinity }, start, keyless!);
      read(sent, { hasKey: true, asksForMessages: false, records: Infinity }, start, silent!);
      // As one record a changed key has the number of the second of two.
      deepStrictEqual(
        keyed!.map(({ identity, op, change }) => `${identity} ${change} ${op}`).filter((each) =>
          !silent!.some(({ identity, op, change }) => each === `${identity} ${change} ${op}`) &&
          !each.endsWith("MESSAGE")
        ),
        [],
      );
      const isMessage = (op: string) => op === "MESSAGE";
      strictEqual(
        keyed!.filter(({ op }) => isMessage(op)).length,
        [...ops.values()].filter(isMessage).length,
      );
      const identities = new Set(keyed!.map(({ identity }) => identity));
      strictEqual(keyless!.every(({ identity }) => identities.has(identity)), true);
    }),
    { numRuns: 150 },
  );
});
