// Where a capture stands: the log sequence numbers and the identity of what was delivered.

/** A log sequence number: a byte position in PostgreSQL's WAL, as an unsigned 64-bit integer. */
export type Lsn = bigint;

/**
 * How far delivery has come. Every record up to and including `(commitLsn, seq)` is in Kafka.
 *
 * Only commit LSNs are ordered across transactions, so a record is identified by its transaction's commit LSN
 * and its number in that transaction (decoder/record_numbers.ts).
 */
export interface Position {
  readonly commitLsn: Lsn;
  readonly seq: number;
  /** When the transaction at `commitLsn` was committed, in milliseconds since 1970; 0 if unknown or not a transaction. */
  readonly commitTimeMs: number;
  /** The end of the last *whole* transaction: the only LSN that is ever confirmed to PostgreSQL. */
  readonly endLsn: Lsn;
}

/** The source that a position belongs to. */
export interface SourceIdentity {
  /** `system_identifier` of IDENTIFY_SYSTEM, a decimal string: it is the same on all standbys of a primary. */
  readonly systemIdentifier: string;
  readonly database: string;
  readonly slot: string;
}

/** A position together with what it is a position in: what the progress record and the checkpoint hold. */
export interface Progress {
  readonly identity: SourceIdentity;
  /** The timeline of the server that the position was read from. */
  readonly timeline: number;
  /** The publication that the changes were read from; empty if unknown. */
  readonly publication: string;
  readonly position: Position;
}

/**
 * A position as version 0.1.0 wrote it: its `seq` counts records, which depends on the catalog of the time of reading.
 * @returns the position in today's terms; undefined in the middle of a transaction, or right after a logical message,
 *   where that can't be said
 */
export function positionOfVersion1(commitLsn: Lsn, endLsn: Lsn): Position | undefined {
  if (commitLsn === 0n) return { commitLsn, seq: 0, commitTimeMs: 0, endLsn };
  return endLsn > commitLsn ? { commitLsn, seq: WHOLE_TRANSACTION, commitTimeMs: 0, endLsn } : undefined;
}

/** What a capture of version 0.1.0 can do about a position that `positionOfVersion1` does not know. */
export const VERSION_1_HINT =
  "run pg-capture 0.1.0 until another transaction is delivered, and stop it with SIGTERM while no large " +
  "transaction is on its way; then start this version";

/** As a `seq`: above all numbers that a record has. */
const WHOLE_TRANSACTION = Number.MAX_SAFE_INTEGER;

/** The LSN of two unsigned halves of 32 bits, which is how the row path carries LSNs: it makes no bigint. */
export function lsnOf(high: number, low: number): Lsn {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** `0/1634FA0`, as PostgreSQL prints a pg_lsn. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}

/** The LSN in `text`, or undefined where it is not of the form that PostgreSQL prints. */
export function parseLsn(text: string): Lsn | undefined {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  return match === null ? undefined : (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

/** Whether `a` covers at least what `b` covers. */
export function isAtLeast(a: Position, b: Position): boolean {
  return a.endLsn >= b.endLsn &&
    (a.commitLsn > b.commitLsn || (a.commitLsn === b.commitLsn && a.seq >= b.seq));
}
