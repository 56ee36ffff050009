// The port that keeps descriptions of relations between runs: the catalog forgets dropped tables, the WAL
// does not.

import type { PgType } from "../core/pg_type.ts";
import type { Lsn, SourceIdentity } from "../core/position.ts";

/** The description of a relation from one commit on. */
export interface RelationVersion {
  /** The `relationSignature` of the Relation message that it belongs to. */
  readonly signature: string;
  /** Valid from this commit LSN on, until the next version of the same signature. */
  readonly from: Lsn;
  /** False if `from` is only an upper bound, because it is unknown which commit introduced this version. */
  readonly isExact: boolean;
  /** The transaction that introduced this version, if the catalog tells it. */
  readonly sinceXid: number | undefined;
  /** The end of the WAL when the catalog was last read: up to here, no newer version began. */
  readonly asOf: Lsn;
  /** The names of its columns; null if there is none. */
  readonly primaryKey: readonly string[] | null;
  /** The types that are not built in, by OID. */
  readonly types: ReadonlyMap<number, PgType>;
}

/** The versions of one relation, oldest first. */
export type RelationHistory = readonly RelationVersion[];

/** Keeps histories. It never throws: if one is lost, the current catalog is used. */
export interface RelationStore {
  /** @returns an empty history if none can be read */
  load(source: SourceIdentity, relationId: number): Promise<RelationHistory>;
  save(source: SourceIdentity, relationId: number, history: RelationHistory): Promise<void>;
}
