// Builds pgoutput messages, protocol version 1, for tests of the decoder: the manual's 53.9 written the other way.

import type { MessageBytes } from "../../src/decoder/pgoutput/message_bytes.ts";

/** A column's value: text, null, or an unchanged TOASTed value that was not sent. */
export type Cell = string | null | typeof UNCHANGED;
/** The value is unchanged and was not sent. */
export const UNCHANGED = Symbol("unchanged");

/** A column of a Relation message. */
export interface ColumnSpec {
  readonly name: string;
  readonly type: number;
  readonly key?: boolean;
}

/** The message as the stream would hand it on. */
export function message(...parts: readonly Uint8Array[]): MessageBytes {
  const bytes = join(parts);
  return { bytes, start: 0, end: bytes.length, walStartHigh: 0, walStartLow: 0 };
}

/** The message with that LSN in its XLogData header; without, it has 0/0, and changes are numbered 1, 2, 3, …. */
export function at(lsn: bigint, bytes: MessageBytes): MessageBytes {
  return { ...bytes, walStartHigh: Number(lsn >> 32n), walStartLow: Number(lsn & 0xffff_ffffn) };
}

/** A Begin message. */
export function begin(commitLsn: bigint, commitTimeMs: number, xid: number): MessageBytes {
  return message(
    ascii("B"),
    uint64(commitLsn),
    uint64(BigInt(commitTimeMs - 946_684_800_000) * 1000n),
    uint32(xid),
  );
}

/** A Commit message; its header has the end, too. */
export function commit(commitLsn: bigint, endLsn: bigint): MessageBytes {
  return at(endLsn, message(ascii("C"), new Uint8Array(1), uint64(commitLsn), uint64(endLsn), uint64(0n)));
}

/** A Relation message. `identity` is pg_class.relreplident. */
export function relation(
  id: number,
  schema: string,
  table: string,
  identity: "d" | "n" | "f" | "i",
  columns: readonly ColumnSpec[],
): MessageBytes {
  const described = columns.map(({ name, type, key }) =>
    join([new Uint8Array([key === true ? 1 : 0]), zeroEnded(name), uint32(type), uint32(0xffffffff)])
  );
  return message(
    ascii("R"),
    uint32(id),
    zeroEnded(schema),
    zeroEnded(table),
    ascii(identity),
    uint16(columns.length),
    ...described,
  );
}

/** An Insert message. */
export function insert(relationId: number, row: readonly Cell[]): MessageBytes {
  return message(ascii("I"), uint32(relationId), ascii("N"), tuple(row));
}

/** An Update message, with the old row's key (`K`) or all of it (`O`) where there is one. */
export function update(
  relationId: number,
  row: readonly Cell[],
  old?: readonly ["K" | "O", readonly Cell[]],
): MessageBytes {
  const before = old === undefined ? [] : [ascii(old[0]), tuple(old[1])];
  return message(ascii("U"), uint32(relationId), ...before, ascii("N"), tuple(row));
}

/** A Delete message. */
export function remove(relationId: number, kind: "K" | "O", row: readonly Cell[]): MessageBytes {
  return message(ascii("D"), uint32(relationId), ascii(kind), tuple(row));
}

/** A Truncate message. */
export function truncate(...relationIds: readonly number[]): MessageBytes {
  return message(ascii("T"), uint32(relationIds.length), new Uint8Array(1), ...relationIds.map(uint32));
}

/** A logical decoding message; its header has its LSN, too. */
export function logicalMessage(
  transactional: boolean,
  lsn: bigint,
  prefix: string,
  content: string,
): MessageBytes {
  const body = ascii(content);
  const flags = new Uint8Array([transactional ? 1 : 0]);
  return at(
    lsn,
    message(ascii("M"), flags, uint64(lsn), zeroEnded(prefix), uint32(body.length), body),
  );
}

function tuple(row: readonly Cell[]): Uint8Array {
  return join([
    uint16(row.length),
    ...row.map((cell) => {
      if (cell === null) return ascii("n");
      if (cell === UNCHANGED) return ascii("u");
      const text = ascii(cell);
      return join([ascii("t"), uint32(text.length), text]);
    }),
  ]);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function zeroEnded(text: string): Uint8Array {
  return ascii(`${text}\0`);
}

function uint16(value: number): Uint8Array {
  return new Uint8Array([value >> 8, value]);
}

function uint32(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);
}

function uint64(value: bigint): Uint8Array {
  return join([uint32(Number(BigInt.asUintN(64, value) >> 32n)), uint32(Number(value & 0xffffffffn))]);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
