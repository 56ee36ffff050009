// Describes relations to the decoder: from the stream where it tells enough, else from what is known of them.

import { builtinType } from "../core/builtin_types.ts";
import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import type { Table } from "../decoder/table.ts";
import type { Relation } from "../decoder/pgoutput/messages.ts";
import type { PgType } from "../core/pg_type.ts";
import type { CompositeMismatch } from "../decoder/formats/json/malformed.ts";
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

/** What is known of relations from before. */
export interface RelationsParts {
  readonly identity: SourceIdentity;
  readonly store: RelationStore;
  /** Told of each relation of which something can't be known any more. */
  readonly onUndescribed: (relation: Relation, missing: MissingDetails) => void;
}

/** The relations of one stream. */
export class RelationDescriptions {
  readonly #session: SourceSession;
  readonly #decoder: ChangeDecoder;
  readonly #parts: RelationsParts;
  /** The change whose relation was described again because of it: `commitLsn/seq`. */
  #describedAgain = "";
  #last: { readonly table: Table; readonly commitLsn: Lsn; readonly seq: number } | undefined;
  /** The signatures of the relations that were described; undefined where the message left nothing open. */
  readonly #signatures = new Map<number, string | undefined>();
  /** Relations for which a later version waits. */
  readonly #waiting = new Map<number, { readonly relation: Relation; readonly next: RelationVersion }>();

  constructor(session: SourceSession, decoder: ChangeDecoder, parts: RelationsParts) {
    this.#session = session;
    this.#decoder = decoder;
    this.#parts = parts;
  }

  /** The table that was described last, if no row came since: the stream is at its first one. */
  get next(): Table | undefined {
    const { commitLsn, seq } = this.#decoder;
    return this.#last?.commitLsn === commitLsn && this.#last.seq === seq ? this.#last.table : undefined;
  }

  /** Whether relations are to be described anew before the transaction that begins. */
  get isDue(): boolean {
    if (this.#waiting.size === 0) return false;
    for (const { next } of this.#waiting.values()) if (this.#hasBegun(next)) return true;
    return false;
  }

  /**
   * Describes the relation that is pending. The catalog is asked only for what the message leaves open: other
   * types than PostgreSQL's own, and other keys.
   */
  async define(signal: AbortSignal): Promise<void> {
    const decoder = this.#decoder;
    const relation = decoder.pendingRelation!;
    const isAgain = this.#signatures.has(relation.id);
    const table = await this.#describe(relation, isAgain, signal);
    this.#last = { table, commitLsn: decoder.commitLsn, seq: decoder.seq };
  }

  /** Describes the relations of which a later version has begun. */
  async defineDue(signal: AbortSignal): Promise<void> {
    for (const { relation, next } of [...this.#waiting.values()]) {
      if (!this.#hasBegun(next)) continue;
      this.#decoder.pendingRelation = relation;
      await this.#describe(relation, false, signal);
    }
  }

  /** Takes the types of all relations as they are now. */
  async refresh(signal: AbortSignal): Promise<void> {
    const decoder = this.#decoder;
    for (const table of decoder.tables) {
      const oids = typeOids(table);
      const unknown = unknownTypes(oids);
      if (unknown.length === 0) continue;
      const { types } = await this.#session.describeRelation(table.id, unknown, signal);
      // A table that was dropped by now may have taken its types with it.
      if (types.size !== unknown.length) continue;
      decoder.refreshTable(table, pgTypes(oids, types));
      await this.#rememberTypes(table.id, types);
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
    const details = await this.#session.describeRelation(id, unknownTypes(typeOids(target)), signal);
    const types = await this.#rememberTypes(id, details.types);
    decoder.retypeTable(pgTypes(typeOids(target), types), details.asOf);
  }

  #hasBegun(next: RelationVersion): boolean {
    const { commitLsn, xid } = this.#decoder;
    return commitLsn >= next.from || holdsBy(next, xid);
  }

  async #describe(relation: Relation, isAgain: boolean, signal: AbortSignal): Promise<Table> {
    const decoder = this.#decoder;
    const open = openQuestions(relation);
    const version = open === undefined ? undefined : await this.#find(relation, open, isAgain, signal);
    this.#signatures.set(relation.id, version?.signature);
    const oids = relation.columns.map((column) => column.typeOid);
    return decoder.defineRelation(
      open?.key === true ? version?.primaryKey : undefined,
      pgTypes(oids, version?.types ?? new Map()),
    );
  }

  /** The version of the relation that holds now. */
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
    // The first time on each connection, too: types are watched from then on.
    if (held === undefined || this.#signatures.get(relation.id) === undefined || commitLsn > held.asOf) {
      const details = await this.#session.describeRelation(relation.id, open.typeOids, signal);
      const learned = learn(history, relation, open, details, place);
      history = learned.history;
      isWhole = !learned.missing.key && learned.missing.typeOids.length === 0;
      if (!isWhole) onUndescribed(relation, learned.missing);
    }
    // Before its first record: read again, this WAL is to give the same key and shape.
    if (isWhole && history !== known) await store.save(identity, relation.id, history);
    const next = versionAfter(history, signature, commitLsn);
    if (next === undefined) this.#waiting.delete(relation.id);
    else this.#waiting.set(relation.id, { relation, next });
    return versionAt(history, signature, commitLsn)!;
  }

  /** @returns the types, and for those that the catalog has forgotten what they were */
  async #rememberTypes(
    relationId: number,
    found: ReadonlyMap<number, PgType>,
  ): Promise<ReadonlyMap<number, PgType>> {
    const { store, identity } = this.#parts;
    const { commitLsn } = this.#decoder;
    const signature = this.#signatures.get(relationId);
    if (signature === undefined) return found;
    const known = await store.load(identity, relationId);
    const types = new Map([...versionAt(known, signature, commitLsn)?.types ?? [], ...found]);
    const history = retyped(known, signature, types, commitLsn);
    if (history !== known) await store.save(identity, relationId, history);
    return types;
  }
}

/** Undefined where the message tells all. */
function openQuestions(relation: Relation): OpenQuestions | undefined {
  const typeOids = unknownTypes(relation.columns.map((column) => column.typeOid));
  // A primary key that is deferrable is no replica identity.
  const isKeyKnown = relation.replicaIdentity === "default" &&
    relation.columns.some((each) => each.isIdentity);
  return isKeyKnown && typeOids.length === 0 ? undefined : { key: !isKeyKnown, typeOids };
}

function typeOids({ columns }: Table): readonly number[] {
  return columns.map((column) => column.typeOid);
}

/** Those that the catalog has to be asked for. */
function unknownTypes(oids: readonly number[]): number[] {
  return [...new Set(oids)].filter((oid) => builtinType(oid) === undefined);
}

function pgTypes(oids: readonly number[], types: ReadonlyMap<number, PgType>): PgType[] {
  return oids.map((oid) => builtinType(oid) ?? types.get(oid) ?? { kind: "other" });
}
