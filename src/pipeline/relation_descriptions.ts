// Describes relations to the decoder: from the stream where it tells enough, else from the catalog.

import { builtinType } from "../decoder/builtin_types.ts";
import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import type { RelationPlan } from "../decoder/relation_plan.ts";
import type { TypeInfo } from "../decoder/type_info.ts";
import type { CompositeMismatch } from "../decoder/values/malformed.ts";
import { CaptureError } from "../errors.ts";
import { formatLsn, type Lsn } from "./position.ts";
import type { SourceSession } from "./ports.ts";

/** The relations of one stream. */
export class RelationDescriptions {
  readonly #session: SourceSession;
  readonly #decoder: ChangeDecoder;
  /** The change whose relation was described again because of it: `commitLsn/seq`. */
  #describedAgain = "";
  #last: { readonly plan: RelationPlan; readonly commitLsn: Lsn; readonly seq: number } | undefined;

  constructor(session: SourceSession, decoder: ChangeDecoder) {
    this.#session = session;
    this.#decoder = decoder;
  }

  /** The table that was described last, if no row came since: the stream is at its first one. */
  get next(): RelationPlan | undefined {
    const { commitLsn, seq } = this.#decoder;
    return this.#last?.commitLsn === commitLsn && this.#last.seq === seq ? this.#last.plan : undefined;
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
    let types: ReadonlyMap<number, TypeInfo> = new Map();
    if (unknown.length > 0 || !isKeyKnown) {
      const details = await this.#session.describeRelation(relation.id, unknown, signal);
      types = details.types;
      if (!isKeyKnown) primaryKey = details.primaryKey;
    }
    const plan = decoder.defineRelation(primaryKey, typeInfos(oids, types));
    this.#last = { plan, commitLsn: decoder.commitLsn, seq: decoder.seq };
  }

  /** Takes the types of all relations as they are now. */
  async refresh(signal: AbortSignal): Promise<void> {
    for (const plan of this.#decoder.relations) {
      const unknown = unknownTypes(plan.typeOids);
      if (unknown.length === 0) continue;
      const { types } = await this.#session.describeRelation(plan.id, unknown, signal);
      // A table that was dropped by now may have taken its types with it.
      if (types.size === unknown.length) this.#decoder.refreshRelation(plan, typeInfos(plan.typeOids, types));
    }
  }

  /**
   * A composite type may have been altered since it was looked up: the current record is tried again, once.
   * @throws CaptureError `decoding` the second time
   */
  async again(found: CompositeMismatch, signal: AbortSignal): Promise<void> {
    const decoder = this.#decoder;
    const { id, schema, table, typeOids } = decoder.target as RelationPlan;
    const place = `commit_lsn ${formatLsn(decoder.commitLsn)} tx_seq ${decoder.seq}`;
    if (place === this.#describedAgain) {
      throw new CaptureError(
        "decoding",
        `${found.message} (table ${JSON.stringify(schema)}.${JSON.stringify(table)}, ${place})`,
        found.hint === undefined ? {} : { hint: found.hint },
      );
    }
    this.#describedAgain = place;
    const { types, asOf } = await this.#session.describeRelation(id, unknownTypes(typeOids), signal);
    decoder.retypeRelation(typeInfos(typeOids, types), asOf);
  }
}

/** Those that the catalog has to be asked for. */
function unknownTypes(oids: readonly number[]): number[] {
  return [...new Set(oids)].filter((oid) => builtinType(oid) === undefined);
}

function typeInfos(oids: readonly number[], types: ReadonlyMap<number, TypeInfo>): TypeInfo[] {
  return oids.map((oid) => builtinType(oid) ?? types.get(oid) ?? { kind: "base", name: "unknown" });
}
