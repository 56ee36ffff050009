// Describes relations to the decoder: from the stream if it tells enough, otherwise from the catalog and the
// history.

import { builtinType } from "../core/builtin_types.ts";
import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import type { Table } from "../decoder/table.ts";
import type { Relation } from "../decoder/pgoutput/messages.ts";
import type { PgType } from "../core/pg_type.ts";
import type { CompositeMismatch } from "../decoder/composite_mismatch.ts";
import { CaptureError } from "../core/errors.ts";
import { formatLsn, type Lsn, type SourceIdentity } from "../core/position.ts";
import type { MissingDetails } from "./events.ts";
import type { SourceSession } from "./ports.ts";
import {
  advance,
  holdsBy,
  learn,
  type OpenQuestions,
  type Place,
  relationSignature,
  retyped,
  versionAfter,
  versionAt,
} from "./relation_history.ts";
import type { RelationHistory, RelationStore, RelationVersion } from "./relation_store.ts";

/** The parts needed to describe relations. */
export interface RelationsParts {
  readonly identity: SourceIdentity;
  readonly store: RelationStore;
  /** Called for a relation whose details can no longer be determined. */
  readonly onUndescribed: (relation: Relation, missing: MissingDetails) => void;
}

/** When a version begins to hold. */
type VersionBegin = Pick<RelationVersion, "from" | "isExact" | "sinceXid">;

/** The relations of one stream. */
export class RelationDescriptions {
  readonly #session: SourceSession;
  readonly #decoder: ChangeDecoder;
  readonly #parts: RelationsParts;
  /** The change for which its relation was described again. */
  #describedAgain = "";
  #last: { readonly table: Table; readonly commitLsn: Lsn; readonly seq: number } | undefined;
  /**
   * Where the later version that each relation waits for begins, by relation id.
   */
  readonly #waiting = new Map<number, VersionBegin>();

  constructor(session: SourceSession, decoder: ChangeDecoder, parts: RelationsParts) {
    this.#session = session;
    this.#decoder = decoder;
    this.#parts = parts;
  }

  /** The last described table, if no row has been received since. */
  get next(): Table | undefined {
    const { commitLsn, seq } = this.#decoder;
    return this.#last?.commitLsn === commitLsn && this.#last.seq === seq ? this.#last.table : undefined;
  }

  /** Whether relations have to be described again before the transaction that begins. */
  get isDue(): boolean {
    if (this.#waiting.size === 0) return false;
    for (const next of this.#waiting.values()) if (this.#hasBegun(next)) return true;
    return false;
  }

  /**
   * Describes the pending relation. The catalog is read only for details missing from the message: types that
   * are not built in, and keys that are not the replica identity.
   */
  async define(signal: AbortSignal): Promise<void> {
    const decoder = this.#decoder;
    const relation = decoder.pendingRelation!;
    const isAgain = decoder.isDescribed(relation.id);
    const table = await this.#describe(relation, isAgain, signal);
    this.#last = { table, commitLsn: decoder.commitLsn, seq: decoder.seq };
  }

  /** Describes the relations whose later version has begun. */
  async defineDue(signal: AbortSignal): Promise<void> {
    for (const [id, next] of [...this.#waiting]) {
      if (!this.#hasBegun(next)) continue;
      const { relation } = this.#decoder.describe(id)!;
      this.#decoder.pendingRelation = relation;
      await this.#describe(relation, false, signal);
    }
  }

  /** Reads the current types of all relations. */
  async refresh(signal: AbortSignal): Promise<void> {
    const decoder = this.#decoder;
    for (const table of decoder.tables()) {
      const oids = typeOids(table);
      const unknown = unknownTypes(oids);
      if (unknown.length === 0) continue;
      const { types } = await this.#session.describeRelation(table.id, unknown, signal);
      // If the table was dropped, its types may be gone, too.
      if (types.size !== unknown.length) continue;
      decoder.refreshTable(table, pgTypes(oids, types));
      await this.#rememberTypes(table.id, types);
    }
  }

  /**
   * A composite type may have been altered since it was looked up, so the current record is tried once more.
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
    const details = await this.#session.describeRelation(id, unknownTypes(typeOids(target)), signal);
    const types = await this.#rememberTypes(id, details.types);
    decoder.retypeTable(pgTypes(typeOids(target), types), details.asOf);
  }

  #hasBegun(next: VersionBegin): boolean {
    const { commitLsn, xid } = this.#decoder;
    return commitLsn >= next.from || holdsBy(next, xid);
  }

  async #describe(relation: Relation, isAgain: boolean, signal: AbortSignal): Promise<Table> {
    const decoder = this.#decoder;
    const open = openQuestions(relation);
    const version = open === undefined ? undefined : await this.#find(relation, open, isAgain, signal);
    const oids = relation.columns.map((column) => column.typeOid);
    return decoder.defineRelation(
      open?.key === true ? version?.primaryKey : undefined,
      pgTypes(oids, version?.types ?? new Map()),
    );
  }

  /** The version of the relation that is valid now. */
  async #find(
    relation: Relation,
    open: OpenQuestions,
    isAgain: boolean,
    signal: AbortSignal,
  ): Promise<RelationVersion> {
    const { store, identity, onUndescribed } = this.#parts;
    const { commitLsn, xid } = this.#decoder;
    const place: Place = { commitLsn, xid, isAgain };
    const signature = relationSignature(relation);
    const known = await store.load(identity, relation.id);
    let history: RelationHistory = advance(known, signature, place);
    const held = versionAt(history, signature, commitLsn);
    let isWhole = true;
    // Also the first time on each connection, from which on types are watched.
    if (held === undefined || this.#signatureOf(relation.id) === undefined || commitLsn > held.asOf) {
      const details = await this.#session.describeRelation(relation.id, open.typeOids, signal);
      const learned = learn(history, relation, open, details, place);
      history = learned.history;
      isWhole = !learned.missing.key && learned.missing.typeOids.length === 0;
      if (!isWhole) onUndescribed(relation, learned.missing);
    }
    // Before its first record, so that this WAL gives the same key and shape when it is read again.
    if (isWhole && history !== known) await store.save(identity, relation.id, history);
    const next = versionAfter(history, signature, commitLsn);
    if (next === undefined) this.#waiting.delete(relation.id);
    else this.#waiting.set(relation.id, { from: next.from, isExact: next.isExact, sinceXid: next.sinceXid });
    return versionAt(history, signature, commitLsn)!;
  }

  /**
   * Of the relation as it was described last; undefined if it was not, or if its message left nothing open.
   */
  #signatureOf(relationId: number): string | undefined {
    const relation = this.#decoder.describe(relationId)?.relation;
    if (relation === undefined || openQuestions(relation) === undefined) return undefined;
    return relationSignature(relation);
  }

  /** @returns the types, including remembered ones that the catalog has forgotten */
  async #rememberTypes(
    relationId: number,
    found: ReadonlyMap<number, PgType>,
  ): Promise<ReadonlyMap<number, PgType>> {
    const { store, identity } = this.#parts;
    const { commitLsn } = this.#decoder;
    const signature = this.#signatureOf(relationId);
    if (signature === undefined) return found;
    const known = await store.load(identity, relationId);
    const types = new Map([...versionAt(known, signature, commitLsn)?.types ?? [], ...found]);
    const history = retyped(known, signature, types, commitLsn);
    if (history !== known) await store.save(identity, relationId, history);
    return types;
  }
}

/** Undefined if the message is sufficient. */
function openQuestions(relation: Relation): OpenQuestions | undefined {
  const typeOids = unknownTypes(relation.columns.map((column) => column.typeOid));
  // A deferrable primary key cannot be the replica identity.
  const isKeyKnown = relation.replicaIdentity === "default" &&
    relation.columns.some((each) => each.isIdentity);
  return isKeyKnown && typeOids.length === 0 ? undefined : { key: !isKeyKnown, typeOids };
}

function typeOids({ columns }: Table): readonly number[] {
  return columns.map((column) => column.typeOid);
}

/** The types that have to be read from the catalog. */
function unknownTypes(oids: readonly number[]): number[] {
  return [...new Set(oids)].filter((oid) => builtinType(oid) === undefined);
}

function pgTypes(oids: readonly number[], types: ReadonlyMap<number, PgType>): PgType[] {
  return oids.map((oid) => builtinType(oid) ?? types.get(oid) ?? { kind: "other" });
}
