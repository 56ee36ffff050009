// A table as the stream and the catalog describe it: what all of its changes share, whatever they look like in Kafka.

import type { Relation, RelationColumn } from "./pgoutput/messages.ts";

/** The columns that make a key, as positions in the table's columns. */
export type KeyColumns = readonly number[];

/** A relation between two Relation messages. */
export interface Table {
  readonly id: number;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly RelationColumn[];
  /** The primary key, where the table has one; else the replica identity index. */
  readonly key: KeyColumns | null;
  /** The replica identity index: the key of a row of which nothing else is known. */
  readonly identityKey: KeyColumns | null;
}

/**
 * @param primaryKey the names of the primary key's columns, null when there is none, undefined when only the
 * replica identity is known: the same thing where the identity is `default`
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
  // A column that the publication leaves out can't be part of a key. In the table's order, whatever the index's:
  // that is the order in which the stream alone tells it, so a key looks the same however it was found.
  return key.includes(-1) ? null : key.sort((a, b) => a - b);
}
