// A table: the properties that all its changes share, from the stream and the catalog.

import type { Relation, RelationColumn } from "./pgoutput/messages.ts";

/** The columns of a key, as indexes of the table's columns, in ascending order. */
export type KeyColumns = readonly number[];

/** A relation as described by its last Relation message. */
export interface Table {
  readonly id: number;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly RelationColumn[];
  /** The primary key if the table has one, otherwise the replica identity. */
  readonly key: KeyColumns | null;
  /** The columns of the replica identity, which every old row contains; null with FULL and NOTHING. */
  readonly identityKey: KeyColumns | null;
}

/**
 * @param primaryKey the names of its columns; null if there is none; undefined if only the replica identity
 *   is known, which is the primary key with REPLICA IDENTITY DEFAULT
 */
export function tableOf(relation: Relation, primaryKey: readonly string[] | null | undefined): Table {
  const { id, schema, table, columns } = relation;
  const identityKey = identityColumns(relation);
  return {
    id,
    schema,
    table,
    columns,
    key: primaryKeyColumns(relation, primaryKey) ?? identityKey,
    identityKey,
  };
}

function identityColumns({ replicaIdentity, columns }: Relation): KeyColumns | null {
  if (replicaIdentity === "full" || replicaIdentity === "nothing") return null;
  const identity = columns.flatMap((column, index) => column.isIdentity ? [index] : []);
  return identity.length === 0 ? null : identity;
}

function primaryKeyColumns(
  { columns }: Relation,
  primaryKey: readonly string[] | null | undefined,
): KeyColumns | null {
  if (primaryKey === null || primaryKey === undefined || primaryKey.length === 0) return null;
  const key = primaryKey.map((name) => columns.findIndex((column) => column.name === name));
  // A publication can leave out columns of the key. The order is the table's, not the index's: the stream
  // tells only the former, so a key looks the same whether it comes from the stream or from the catalog.
  return key.includes(-1) ? null : key.sort((a, b) => a - b);
}
