// The description of a relation and its stored form.

import { builtinType } from "../core/builtin_types.ts";
import type { PgType } from "../core/pg_type.ts";
import { utf8 } from "../core/utf8.ts";
import type { Relation, RelationColumn } from "./pgoutput/messages.ts";

/** The content of the Relation message, with additions from the catalog. */
export interface Description {
  readonly relation: Relation;
  /** As in `tableOf`. */
  readonly primaryKey: readonly string[] | null | undefined;
  /** The type of each column, in the relation's order. */
  readonly types: readonly PgType[];
}

/** Prints compact JSON. PostgreSQL's own types are omitted, because their OIDs are sufficient. */
export function printDescription({ relation, primaryKey, types }: Description): Uint8Array {
  const { id, schema, table, replicaIdentity, columns } = relation;
  const others = new Map<number, PgType>();
  columns.forEach(({ typeOid }, index) => {
    if (builtinType(typeOid) === undefined) others.set(typeOid, types[index]!);
  });
  return utf8(JSON.stringify({
    id,
    schema,
    table,
    replicaIdentity,
    columns: columns.map(({ name, typeOid, isIdentity }) => [name, typeOid, isIdentity ? 1 : 0]),
    primaryKey,
    types: [...others],
  }));
}

/** Parses the output of `printDescription`, and nothing else. */
export function parseDescription(bytes: Uint8Array): Description {
  const { id, schema, table, replicaIdentity, columns, primaryKey, types } = JSON.parse(
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
  ) as Printed;
  const others = new Map(types);
  return {
    relation: {
      id,
      schema,
      table,
      replicaIdentity,
      columns: columns.map(([name, typeOid, isIdentity]): RelationColumn => ({
        name,
        typeOid,
        isIdentity: isIdentity === 1,
      })),
    },
    primaryKey,
    types: columns.map(([, typeOid]) => builtinType(typeOid) ?? others.get(typeOid)!),
  };
}

interface Printed extends Omit<Relation, "columns"> {
  readonly columns: readonly (readonly [name: string, typeOid: number, isIdentity: 0 | 1])[];
  readonly primaryKey?: readonly string[] | null;
  readonly types: readonly (readonly [oid: number, type: PgType])[];
}
