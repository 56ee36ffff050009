// Queries the catalog before a table's rows are read, and builds the plan for reading them.

import { builtinType } from "../../core/builtin_types.ts";
import type { SnapshotTable } from "../../pipeline/snapshot_ports.ts";
import type { Relation, ReplicaIdentity } from "../../decoder/pgoutput/messages.ts";
import { quoteIdentifier, quoteLiteral } from "../connection.ts";
import type { TextRow } from "./row_connection.ts";

const POSTGRES_15 = 150_000;
const POSTGRES_18 = 180_000;

/** A column that rows are ordered by, with the operators of its index. */
export interface OrderColumn {
  readonly name: string;
  /** The SQL type of the values in `after`. */
  readonly type: string;
  /** `OPERATOR(pg_catalog.<)` */
  readonly less: string;
  readonly greater: string;
  readonly equal: string;
  /** `COLLATE "C"` if the index has a different collation than the column. */
  readonly collate: string;
}

/** A table and the parts of the SQL that reads it. */
export interface TablePlan extends SnapshotTable {
  /** `ONLY "public"."users"`; a partitioned table's rows are in its partitions. */
  readonly from: string;
  /** The relation's columns, then the order columns that are not published. */
  readonly columns: readonly string[];
  readonly orderBy: readonly OrderColumn[];
  /** The publication's row filter as SQL; null if there is none. */
  readonly filter: string | null;
  /** Changes whenever anything changes that the plan depends on. */
  readonly signature: string;
}

/** Queries about one table of one publication. The results follow the order of the statements. */
export class TableQuestions {
  readonly #table: string;
  readonly #hasRules: boolean;
  readonly #hasGenerated: boolean;
  /** Whether the publication contains the table, directly or through a parent. */
  readonly #isPublished: string;

  constructor(schema: string, table: string, publication: string, versionNumber: number) {
    this.#hasRules = versionNumber >= POSTGRES_15;
    this.#hasGenerated = versionNumber >= POSTGRES_18;
    const inSchema = "EXISTS (SELECT FROM pg_catalog.pg_publication_namespace pn " +
      "WHERE pn.pnpubid = p.oid AND pn.pnnspid = c.relnamespace)";
    this.#isPublished = `(p.puballtables OR pr.oid IS NOT NULL
      OR EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) a(relid)
                   JOIN pg_catalog.pg_class ac ON ac.oid = a.relid
                  WHERE EXISTS (SELECT FROM pg_catalog.pg_publication_rel ar
                                 WHERE ar.prpubid = p.oid AND ar.prrelid = ac.oid)
                        ${
      this.#hasRules
        ? "OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace an " +
          "WHERE an.pnpubid = p.oid AND an.pnnspid = ac.relnamespace)"
        : ""
    })
      ${this.#hasRules ? `OR ${inSchema}` : ""})`;
    this.#table = `pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_publication p ON p.pubname = ${quoteLiteral(publication)}
      LEFT JOIN pg_catalog.pg_publication_rel pr ON pr.prpubid = p.oid AND pr.prrelid = c.oid
      WHERE n.nspname = ${quoteLiteral(schema)} AND c.relname = ${quoteLiteral(table)}`;
  }

  /** Selects a text that changes with the plan; returns no row if the table does not exist. */
  get signature(): string {
    return `SELECT pg_catalog.md5(pg_catalog.concat_ws(',', c.oid, c.relkind, c.relreplident, p.oid, ${this.#isPublished},
      pg_catalog.to_jsonb(p) ->> 'pubgencols', pg_catalog.to_jsonb(pr) ->> 'prattrs',
      pg_catalog.to_jsonb(pr) ->> 'prqual',
      (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.atttypid, a.atttypmod, a.attgenerated, a.attname),
                ',' ORDER BY a.attnum)
         FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
      (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', i.indexrelid, i.indisprimary, i.indisreplident, i.indkey),
                ',' ORDER BY i.indexrelid)
         FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND (i.indisprimary OR i.indisreplident))))
      FROM ${this.#table}`;
  }

  /** Selects everything that `readPlan` needs. */
  get plan(): string {
    const attributes = this.#hasRules ? "pr.prattrs" : "NULL::pg_catalog.int2vector";
    const filter = this.#hasRules ? "pg_catalog.pg_get_expr(pr.prqual, pr.prrelid)" : "NULL";
    const isPublished = this.#hasGenerated
      ? "a.attgenerated = '' OR (a.attgenerated = 's' AND p.pubgencols = 's')"
      : "a.attgenerated = ''";
    return `${this.signature};
      SELECT c.oid, c.relkind, c.relreplident, c.reltuples::pg_catalog.int8, ${filter},
             ${this.#isPublished} FROM ${this.#table};
      SELECT a.attnum, a.attname, a.atttypid, pg_catalog.format_type(a.atttypid, a.atttypmod),
             CASE WHEN ${attributes} IS NULL THEN ${isPublished} ELSE a.attnum = ANY(${attributes}) END
        FROM ${this.#table.replace("WHERE", `JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE`)}
         AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;
      SELECT i.indisprimary, i.indisreplident, i.indimmediate, k.attnum,
             ${operator(1)}, ${operator(5)}, ${operator(3)},
             CASE WHEN i.indcollation[k.place - 1] NOT IN (0, a.attcollation)
                  THEN (SELECT pg_catalog.concat(pg_catalog.quote_ident(cn.nspname), '.', pg_catalog.quote_ident(co.collname))
                          FROM pg_catalog.pg_collation co
                          JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
                         WHERE co.oid = i.indcollation[k.place - 1]) END
        FROM (SELECT c.oid FROM ${this.#table}) c
        JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
         AND (i.indisprimary OR i.indisreplident) AND i.indisvalid
       CROSS JOIN LATERAL (SELECT attnum, place::pg_catalog.int4
                             FROM unnest(i.indkey) WITH ORDINALITY AS u(attnum, place)) k
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
        JOIN pg_catalog.pg_opclass oc ON oc.oid = i.indclass[k.place - 1]
       WHERE k.place <= i.indnkeyatts ORDER BY i.indexrelid, k.place`;
  }
}

/** The operator of a btree strategy (PostgreSQL manual, "Index Methods and Operator Classes"), as SQL. */
function operator(strategy: number): string {
  return `(SELECT pg_catalog.concat('OPERATOR(', pg_catalog.quote_ident(n.nspname), '.', o.oprname, ')')
                FROM pg_catalog.pg_amop m
                JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
                JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
               WHERE m.amopfamily = oc.opcfamily AND m.amopstrategy = ${strategy}
                 AND m.amoplefttype = oc.opcintype AND m.amoprighttype = oc.opcintype)`;
}

interface ColumnFacts {
  readonly attnum: string;
  readonly name: string;
  readonly typeOid: number;
  readonly type: string;
  readonly isPublished: boolean;
}

interface IndexColumn {
  readonly isPrimary: boolean;
  readonly isReplicaIdentity: boolean;
  readonly isImmediate: boolean;
  readonly attnum: string;
  readonly less: string;
  readonly greater: string;
  readonly equal: string;
  readonly collation: string | null;
}

/** @returns the plan; null if the table does not exist or is not published */
export function readPlan(
  schema: string,
  table: string,
  [signature, facts, columnRows, indexRows]: readonly (readonly TextRow[])[],
): TablePlan | null {
  const fact = facts?.[0];
  if (fact === undefined) return null;
  const [oid, kind, identity, rowsExpected, filter, isPublished] = fact;
  if (isPublished !== "t") return null;
  const all = (columnRows ?? []).map(([attnum, name, typeOid, type, isPublished]): ColumnFacts => ({
    attnum: attnum ?? "",
    name: name ?? "",
    typeOid: Number(typeOid),
    type: type ?? "",
    isPublished: isPublished === "t",
  }));
  const indexes = (indexRows ?? []).map(readIndexColumn);
  const replicaIdentity = REPLICA_IDENTITIES[identity ?? ""] ?? "nothing";
  const identityIndex = identityColumns(indexes, replicaIdentity);
  const primary = indexes.filter(({ isPrimary }) => isPrimary);
  const published = all.filter(({ isPublished }) => isPublished);
  const relation: Relation = {
    id: Number(oid),
    schema,
    table,
    replicaIdentity,
    columns: published.map(({ attnum, name, typeOid }) => ({
      name,
      typeOid,
      isIdentity: replicaIdentity === "full" || identityIndex.some((column) => column.attnum === attnum),
    })),
  };
  const ordering = (identityIndex.length > 0 ? identityIndex : primary).map((column): OrderColumn => ({
    ...column,
    name: all.find(({ attnum }) => attnum === column.attnum)?.name ?? "",
    type: all.find(({ attnum }) => attnum === column.attnum)?.type ?? "",
    collate: column.collation === null ? "" : ` COLLATE ${column.collation}`,
  }));
  const unpublished = ordering.filter(({ name }) => !published.some((column) => column.name === name));
  const columns = [...published, ...unpublished].map(({ name }) => name);
  const isKeyKnown = replicaIdentity === "default" && identityIndex.length > 0;
  const only = kind === PARTITIONED ? "" : "ONLY ";
  return {
    relation,
    primaryKey: isKeyKnown ? undefined : primary.length === 0 ? null : namesOf(primary, all),
    unknownTypes: [...new Set(published.map(({ typeOid }) => typeOid))]
      .filter((typeOid) => builtinType(typeOid) === undefined),
    order: ordering.map(({ name }) => columns.indexOf(name)),
    orderNames: ordering.map(({ name }) => name),
    orderRule: ordering.map(({ type, less, collate }) => `${type} ${less}${collate}`).join(", "),
    rowsExpected: Number(rowsExpected) < 0 ? null : Number(rowsExpected),
    from: `${only}${quoteIdentifier(schema)}.${quoteIdentifier(table)}`,
    columns,
    orderBy: ordering,
    filter: filter ?? null,
    signature: signature?.[0]?.[0] ?? "",
  };
}

function readIndexColumn(row: TextRow): IndexColumn {
  const [isPrimary, isReplicaIdentity, isImmediate, attnum, less, greater, equal, collation] = row;
  return {
    isPrimary: isPrimary === "t",
    isReplicaIdentity: isReplicaIdentity === "t",
    isImmediate: isImmediate === "t",
    attnum: attnum ?? "",
    less: less ?? "",
    greater: greater ?? "",
    equal: equal ?? "",
    collation: collation ?? null,
  };
}

/** The columns of the index that every change contains. A deferrable primary key is no replica identity. */
function identityColumns(
  indexes: readonly IndexColumn[],
  identity: ReplicaIdentity,
): readonly IndexColumn[] {
  if (identity === "index") return indexes.filter(({ isReplicaIdentity }) => isReplicaIdentity);
  if (identity === "default") return indexes.filter((column) => column.isPrimary && column.isImmediate);
  return [];
}

function namesOf(columns: readonly IndexColumn[], all: readonly ColumnFacts[]): readonly string[] {
  return columns.map(({ attnum }) => all.find((column) => column.attnum === attnum)?.name ?? "");
}

const PARTITIONED = "p";
const REPLICA_IDENTITIES: Readonly<Record<string, ReplicaIdentity>> = {
  d: "default",
  n: "nothing",
  f: "full",
  i: "index",
};
