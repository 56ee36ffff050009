// What is kept of relations between runs: the catalog forgets a table that was dropped, the WAL does not.

import type { PgType } from "../core/pg_type.ts";
import type { Lsn, SourceIdentity } from "../core/position.ts";

/** What was known of a relation from one commit on. */
export interface RelationVersion {
  /** Of the Relation message that it belongs to: `relationSignature`. */
  readonly signature: string;
  /** It holds from this commit LSN on, up to the next version of the signature. */
  readonly from: Lsn;
  /** False: `from` is only an upper bound, because it is unknown which commit brought this version. */
  readonly isExact: boolean;
  /** The transaction that brought this version, where the catalog tells it. */
  readonly sinceXid: number | undefined;
  /** The end of the WAL when the catalog was last asked: nothing up to here is newer than this version. */
  readonly asOf: Lsn;
  /** The names of its columns; null when there is none. */
  readonly primaryKey: readonly string[] | null;
  /** The types that are not PostgreSQL's own, by OID. */
  readonly types: ReadonlyMap<number, PgType>;
}

/** The versions of one relation, oldest first. */
export type RelationHistory = readonly RelationVersion[];

/** Where histories are kept. It never throws: where one is lost, the catalog of now is asked. */
export interface RelationStore {
  /** @returns an empty history where none can be read */
  load(source: SourceIdentity, relationId: number): Promise<RelationHistory>;
  save(source: SourceIdentity, relationId: number, history: RelationHistory): Promise<void>;
}
