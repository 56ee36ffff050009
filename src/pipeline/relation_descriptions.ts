// Describes relations to the decoder: from the stream where it tells enough, else from the catalog.

import { builtinType } from "../core/builtin_types.ts";
import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import type { Table } from "../decoder/table.ts";
import type { PgType } from "../core/pg_type.ts";
import type { CompositeMismatch } from "../decoder/formats/json/malformed.ts";
import { CaptureError } from "../core/errors.ts";
import { formatLsn, type Lsn } from "../core/position.ts";
import type { SourceSession } from "./ports.ts";

/** The relations of one stream. */
export class RelationDescriptions {
  readonly #session: SourceSession;
  readonly #decoder: ChangeDecoder;
  /** The change whose relation was described again because of it: `commitLsn/seq`. */
  #describedAgain = "";
  #last: { readonly table: Table; readonly commitLsn: Lsn; readonly seq: number } | undefined;

  constructor(session: SourceSession, decoder: ChangeDecoder) {
    this.#session = session;
    this.#decoder = decoder;
  }

  /** The table that was described last, if no row came since: the stream is at its first one. */
  get next(): Table | undefined {
    const { commitLsn, seq } = this.#decoder;
    return this.#last?.commitLsn === commitLsn && this.#last.seq === seq ? this.#last.table : undefined;
  }

  /**
   * Describes the relation that is pending. The catalog is asked only for what the message leaves open: other types
   * than PostgreSQL's own, and other keys.
   */
  async define(signal: AbortSignal): Promise<void> {
    const decoder = this.#decoder;
    const relation = decoder.pendingRelation!;
    const oids = relation.columns.map((column) => column.typeOid);
    const unknown = unknownTypes(oids);
    // A primary key that is deferrable is no replica identity.
    const isKeyKnown = relation.replicaIdentity === "default" &&
      relation.columns.some((each) => each.isIdentity);
    let primaryKey: readonly string[] | null | undefined;
    let types: ReadonlyMap<number, PgType> = new Map();
    if (unknown.length > 0 || !isKeyKnown) {
      const details = await this.#session.describeRelation(relation.id, unknown, signal);
      types = details.types;
      if (!isKeyKnown) primaryKey = details.primaryKey;
    }
    const table = decoder.defineRelation(primaryKey, pgTypes(oids, types));
    this.#last = { table, commitLsn: decoder.commitLsn, seq: decoder.seq };
  }

  /** Takes the types of all relations as they are now. */
  async refresh(signal: AbortSignal): Promise<void> {
    for (const table of this.#decoder.tables) {
      const oids = typeOids(table);
      const unknown = unknownTypes(oids);
      if (unknown.length === 0) continue;
      const { types } = await this.#session.describeRelation(table.id, unknown, signal);
      // A table that was dropped by now may have taken its types with it.
      if (types.size === unknown.length) this.#decoder.refreshTable(table, pgTypes(oids, types));
    }
  }

  /**
   * A composite type may have been altered since it was looked up: the current record is tried again, once.
   * @throws CaptureError `decoding` the second time
   */
  async again(found: CompositeMismatch, signal: AbortSignal): Promise<void> {
    const decoder = this.#decoder;
    const target = decoder.target as Table;
    const { id, schema, table } = target;
    const place = `commit_lsn ${formatLsn(decoder.commitLsn)} tx_seq ${decoder.seq}`;
    if (place === this.#describedAgain) {
      throw new CaptureError(
        "decoding",
        `${found.message} (table ${JSON.stringify(schema)}.${JSON.stringify(table)}, ${place})`,
        found.hint === undefined ? {} : { hint: found.hint },
      );
    }
    this.#describedAgain = place;
    const { types, asOf } = await this.#session.describeRelation(id, unknownTypes(typeOids(target)), signal);
    decoder.retypeTable(pgTypes(typeOids(target), types), asOf);
  }
}

function typeOids({ columns }: Table): readonly number[] {
  return columns.map((column) => column.typeOid);
}

/** Those that the catalog has to be asked for. */
function unknownTypes(oids: readonly number[]): number[] {
  return [...new Set(oids)].filter((oid) => builtinType(oid) === undefined);
}

function pgTypes(oids: readonly number[], types: ReadonlyMap<number, PgType>): PgType[] {
  return oids.map((oid) => builtinType(oid) ?? types.get(oid) ?? { kind: "base", name: "unknown" });
}
