// LSNs, and positions: how far delivery has come.

/** A log sequence number: a byte position in PostgreSQL's WAL, as an unsigned 64-bit integer. */
export type Lsn = bigint;

/**
 * How far delivery has come: every record up to and including `(commitLsn, seq)` is in Kafka.
 *
 * Only commit LSNs are ordered across transactions, so a record is identified by the commit LSN of its
 * transaction and its number in that transaction (decoder/pgoutput/record_numbers.ts).
 */
export interface Position {
  readonly commitLsn: Lsn;
  readonly seq: number;
  /**
   * Commit time of the transaction at `commitLsn`, in milliseconds since 1970; 0 if unknown or not a
   * transaction.
   */
  readonly commitTimeMs: number;
  /**
   * End LSN of the last transaction that was delivered *whole*. No other LSN is ever confirmed to PostgreSQL.
   */
  readonly endLsn: Lsn;
}

/** The source of a position. */
export interface SourceIdentity {
  /** `systemid` of IDENTIFY_SYSTEM, a decimal number. A primary and its standbys have the same. */
  readonly systemIdentifier: string;
  readonly database: string;
  readonly slot: string;
}

/** A position and its source: the content of the progress record and of the checkpoint. */
export interface Progress {
  readonly identity: SourceIdentity;
  /** Timeline of the server that the changes were read from. */
  readonly timeline: number;
  /** The publication of the changes; empty if unknown. */
  readonly publication: string;
  readonly position: Position;
}

/**
 * Converts a position that version 0.1.0 wrote. Its `seq` counted records, which depends on the catalog at
 * the time of reading, so a position inside a transaction or right after a logical message can't be
 * converted.
 * @returns undefined if it can't be converted
 */
export function positionOfVersion1(commitLsn: Lsn, endLsn: Lsn): Position | undefined {
  if (commitLsn === 0n) return { commitLsn, seq: 0, commitTimeMs: 0, endLsn };
  return endLsn > commitLsn ? { commitLsn, seq: WHOLE_TRANSACTION, commitTimeMs: 0, endLsn } : undefined;
}

/** The fix for a position that `positionOfVersion1` can't convert. */
export const VERSION_1_HINT =
  "run pg-capture 0.1.0 until another transaction is delivered, and stop it with SIGTERM while no large " +
  "transaction is on its way; then start this version";

/** A `seq` above that of any record. */
const WHOLE_TRANSACTION = Number.MAX_SAFE_INTEGER;

/** Combines two unsigned 32-bit halves. The row path carries LSNs this way to avoid creating bigints. */
export function lsnOf(high: number, low: number): Lsn {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** `0/1634FA0`, as PostgreSQL prints a pg_lsn. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}

/** Parses an LSN; undefined if the text does not have the form that PostgreSQL prints. */
export function parseLsn(text: string): Lsn | undefined {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  return match === null ? undefined : (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

/** Whether everything delivered at `b` is also delivered at `a`. */
export function isAtLeast(a: Position, b: Position): boolean {
  return a.endLsn >= b.endLsn &&
    (a.commitLsn > b.commitLsn || (a.commitLsn === b.commitLsn && a.seq >= b.seq));
}
