// Reads the details of a relation that the stream does not contain: its primary key and its types.

import type { CompositeField, PgType } from "../core/pg_type.ts";
import type { RelationDetails } from "../pipeline/ports.ts";
import { isOlder } from "../core/xid.ts";
import type { PostgresConnection, Row } from "./connection.ts";
import { readWalEnd } from "./slot.ts";

// Types nest, as in arrays of composites of domains. PostgreSQL forbids cycles; this limits what a catalog
// can claim.
const DEPTH_MAX = 32;
/**
 * The number of parts of all types of a relation. 20 types, each of which contains the previous one twice,
 * would have a million parts. Beyond this limit, values are strings, as PostgreSQL prints them.
 */
const PARTS_MAX = 20_000;

/** Describes the relation and the requested types, by OID. */
export async function describeRelation(
  connection: PostgresConnection,
  relationId: number,
  typeOids: readonly number[],
  builtin: (oid: number) => PgType | undefined,
  signal: AbortSignal,
): Promise<RelationDetails & { readonly compositeRelations: readonly number[] }> {
  // Read before the types: transactions that commit later may have other types.
  const asOf = await readWalEnd(connection, signal);
  const key = await readPrimaryKey(connection, relationId, signal);
  const types = new Map<number, PgType>();
  let compositeRelations: readonly number[] = [];
  let typesXid: number | undefined;
  if (typeOids.length > 0) {
    const reader = new TypeReader(connection, builtin, signal);
    await reader.load(typeOids);
    for (const oid of typeOids) {
      const type = reader.resolve(oid, 0);
      if (type !== undefined) types.set(oid, type);
    }
    compositeRelations = reader.compositeRelations;
    typesXid = reader.lastXid;
  }
  return { ...key, types, typesXid, asOf, compositeRelations };
}

async function readPrimaryKey(
  connection: PostgresConnection,
  relationId: number,
  signal: AbortSignal,
): Promise<Pick<RelationDetails, "exists" | "primaryKey" | "primaryKeyXid">> {
  const rows = await connection.query(
    `SELECT key.name, key.xid
       FROM pg_catalog.pg_class r
       LEFT JOIN (SELECT i.indrelid, k.position, a.attname AS name, c.xmin AS xid
                    FROM pg_catalog.pg_index i
                   CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, position)
                    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                    JOIN pg_catalog.pg_constraint c ON c.conindid = i.indexrelid AND c.contype = 'p'
                     AND c.conrelid = i.indrelid
                   WHERE i.indisprimary AND k.position <= i.indnkeyatts) key ON key.indrelid = r.oid
      WHERE r.oid = ${relationId}
      ORDER BY key.position`,
    "look up a primary key",
    signal,
  );
  const names = rows.flatMap(({ name }) => typeof name === "string" ? [name] : []);
  return {
    exists: rows.length > 0,
    primaryKey: names.length === 0 ? null : names,
    primaryKeyXid: names.length === 0 ? undefined : Number(rows[0]!.xid),
  };
}

/** The attributes of composite types, as one text per type, by the type's pg_class OID. */
export async function readCompositeTypes(
  connection: PostgresConnection,
  relations: readonly number[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, string>> {
  const rows = await connection.query(
    `SELECT attrelid, string_agg(format('%s %s %s %I', attnum, atttypid, attisdropped, attname), ',' ORDER BY attnum)
              AS attributes
       FROM pg_catalog.pg_attribute WHERE attrelid IN (${
      relations.join(", ")
    }) AND attnum > 0 GROUP BY attrelid`,
    "look at composite types",
    signal,
  );
  return new Map(rows.map((row) => [Number(row.attrelid), row.attributes ?? ""]));
}

/** Loads pg_type rows level by level and builds PgType from them. */
class TypeReader {
  readonly #connection: PostgresConnection;
  readonly #builtin: (oid: number) => PgType | undefined;
  readonly #signal: AbortSignal;
  readonly #types = new Map<number, Row>();
  readonly #attributes = new Map<number, { name: string; type: number }[]>();
  /** Relations of composite types with a dropped attribute. */
  readonly #shrunk = new Set<number>();
  #lastXid: number | undefined;
  #parts = 0;

  constructor(
    connection: PostgresConnection,
    builtin: (oid: number) => PgType | undefined,
    signal: AbortSignal,
  ) {
    this.#connection = connection;
    this.#builtin = builtin;
    this.#signal = signal;
  }

  /** The pg_class OIDs of the composite types found. */
  get compositeRelations(): readonly number[] {
    return [...this.#attributes.keys()];
  }

  /** The last transaction that altered one of the composite types. */
  get lastXid(): number | undefined {
    return this.#lastXid;
  }

  async load(oids: readonly number[]): Promise<void> {
    let wanted = this.#unknown(oids);
    for (let depth = 0; wanted.length > 0 && depth < DEPTH_MAX; depth++) {
      const rows = await this.#connection.query(
        `SELECT t.oid, t.typname, t.typtype, t.typelem, t.typbasetype, t.typrelid, t.typdelim, e.extname,
                t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc AS is_array
           FROM pg_catalog.pg_type t
           LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
            AND d.objid = t.oid AND d.objsubid = 0 AND d.deptype = 'e'
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
           LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
          WHERE t.oid IN (${wanted.join(", ")})`,
        "look up types",
        this.#signal,
      );
      for (const row of rows) this.#types.set(Number(row.oid), row);
      const relations = rows.filter((row) => row.typtype === "c").map((row) => Number(row.typrelid));
      if (relations.length > 0) await this.#loadAttributes(relations);
      wanted = this.#unknown(rows.flatMap((row) => this.#references(row)));
    }
  }

  resolve(oid: number, depth: number): PgType | undefined {
    const known = this.#builtin(oid);
    if (known !== undefined) return known;
    const row = this.#types.get(oid);
    if (row === undefined || depth > DEPTH_MAX) return undefined;
    if (++this.#parts > PARTS_MAX) return { kind: "other" };
    const inner = (reference: string | null | undefined): PgType =>
      this.resolve(Number(reference), depth + 1) ?? { kind: "other" };
    switch (row.typtype) {
      case "d":
        return { kind: "domain", base: inner(row.typbasetype) };
      case "e":
        return { kind: "enum" };
      case "r":
      case "m":
        return { kind: "range" };
      case "c":
        return {
          kind: "composite",
          name: row.typname ?? "",
          onlyGrew: !this.#shrunk.has(Number(row.typrelid)),
          fields: (this.#attributes.get(Number(row.typrelid)) ?? []).map((attribute): CompositeField => ({
            name: attribute.name,
            type: inner(String(attribute.type)),
          })),
        };
      default:
        return isArray(row)
          ? { kind: "array", element: inner(row.typelem), delimiter: row.typdelim ?? "," }
          : baseType(row);
    }
  }

  async #loadAttributes(relations: readonly number[]): Promise<void> {
    const rows = await this.#connection.query(
      `SELECT attrelid, attname, atttypid, attisdropped, xmin FROM pg_catalog.pg_attribute
        WHERE attrelid IN (${relations.join(", ")}) AND attnum > 0 ORDER BY attrelid, attnum`,
      "look up composite types",
      this.#signal,
    );
    for (const relation of relations) this.#attributes.set(relation, []);
    for (const row of rows) {
      const xid = Number(row.xmin);
      if (this.#lastXid === undefined || isOlder(this.#lastXid, xid)) this.#lastXid = xid;
      if (row.attisdropped === "t") {
        this.#shrunk.add(Number(row.attrelid));
        continue;
      }
      this.#attributes.get(Number(row.attrelid))?.push({
        name: row.attname ?? "",
        type: Number(row.atttypid),
      });
    }
  }

  #references(row: Row): number[] {
    if (row.typtype === "d") return [Number(row.typbasetype)];
    if (row.typtype === "c") {
      return (this.#attributes.get(Number(row.typrelid)) ?? []).map((attribute) => attribute.type);
    }
    return isArray(row) ? [Number(row.typelem)] : [];
  }

  #unknown(oids: readonly number[]): number[] {
    return [...new Set(oids)].filter((oid) => this.#builtin(oid) === undefined && !this.#types.has(oid));
  }
}

/**
 * Recognizes a true array as IsTrueArrayType in pg_type.h does: no user-defined type can have the array
 * subscript handler, but any type can have an element type and category A.
 */
function isArray(row: Row): boolean {
  return row.is_array === "t" && row.typelem !== "0";
}

/** A name alone proves nothing: anyone can name a type json or vector. */
function baseType(row: Row): PgType {
  const { extname, typname } = row;
  if (extname === null || extname === undefined) return { kind: "other" };
  return { kind: "extension", extension: extname, name: typname ?? "" };
}
