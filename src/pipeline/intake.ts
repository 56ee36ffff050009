// The first task: reads the stream, decodes, and fills the batches.

import { builtinType } from "../decoder/builtin_types.ts";
import type { ChangeDecoder, RecordTarget } from "../decoder/change_decoder.ts";
import type { Operation } from "../decoder/relation_plan.ts";
import type { TypeInfo } from "../decoder/type_info.ts";
import type { Batcher } from "./batcher.ts";
import type { Observer } from "./observer.ts";
import type { Position } from "./position.ts";
import type { ReplicationStream, Route, SourceSession } from "./ports.ts";

/** What intake works with. */
export interface IntakeParts {
  readonly stream: ReplicationStream;
  readonly session: SourceSession;
  readonly decoder: ChangeDecoder;
  readonly batcher: Batcher;
  /** The topic of a table, or of logical messages, made when it is not there. */
  readonly routeOf: (target: RecordTarget, signal: AbortSignal) => Promise<Route>;
  /** Everything up to here is delivered already and is dropped. */
  readonly start: Position;
  readonly observer: Observer;
  /** Milliseconds since any moment; never goes back. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Called for each keepalive between transactions, when the batcher knows its end of WAL. */
  readonly onKeepalive: (replyRequested: boolean) => void;
}

const OPERATIONS: readonly Operation[] = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "READ", "MESSAGE"];

/** Runs until the signal aborts, which it reports by returning, or until the stream fails. */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #routes = new Map<RecordTarget, Route>();
  readonly #encoded: Record<Operation, number> = {
    INSERT: 0,
    UPDATE: 0,
    DELETE: 0,
    TRUNCATE: 0,
    READ: 0,
    MESSAGE: 0,
  };
  #transactions = 0;
  #dropping = true;
  #waitingSince: number | undefined;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Since when intake has been waiting for bytes, in milliseconds; undefined while it is busy. */
  get waitingSince(): number | undefined {
    return this.#waitingSince;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { stream } = this.#parts;
    try {
      for (;;) {
        await this.#fill(signal);
        let messages = 0;
        for (let kind = stream.next(); kind !== "none"; kind = stream.next()) {
          messages++;
          if (kind === "keepalive") this.#keepalive();
          else {
            const waiting = this.#message(signal);
            if (waiting !== undefined) await waiting;
          }
        }
        this.#report(messages);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Tells the observer what came since the last time: once a chunk, not once a row. */
  #report(messages: number): void {
    const { stream, batcher, observer } = this.#parts;
    observer.received(stream.takeReceivedBytes(), messages);
    for (const operation of OPERATIONS) {
      if (this.#encoded[operation] > 0) observer.encoded(operation, this.#encoded[operation]);
      this.#encoded[operation] = 0;
    }
    if (this.#transactions > 0) observer.transactionsFinished(this.#transactions);
    this.#transactions = 0;
    const { records, bytes, oldestCommitTimeMs } = batcher.held;
    observer.queued(records, bytes, oldestCommitTimeMs);
  }

  async #fill(signal: AbortSignal): Promise<void> {
    const { stream, batcher, decoder, now, wallClock } = this.#parts;
    batcher.setInputIdle(true);
    this.#waitingSince = now();
    await stream.fill(signal);
    this.#waitingSince = undefined;
    batcher.setInputIdle(false);
    const time = wallClock();
    decoder.setNow(time);
    batcher.setRecordTime(time);
  }

  #keepalive(): void {
    const { stream, batcher, decoder, onKeepalive } = this.#parts;
    // In the middle of a transaction its end of WAL may lie beyond that transaction's commit.
    if (!decoder.inTransaction) batcher.advanceEnd(stream.walEnd);
    onKeepalive(stream.replyRequested);
  }

  /** Gives a promise only where there is something to wait for: a row as a rule takes none. */
  #message(signal: AbortSignal): Promise<void> | undefined {
    const { stream, decoder, batcher } = this.#parts;
    switch (decoder.decode(stream)) {
      case "change":
        while (decoder.nextRecord()) {
          if (!this.#takeRecord()) return this.#takeRemaining(signal);
        }
        return undefined;
      case "commit":
        batcher.advanceEnd(decoder.endLsn);
        // Its last changes may be on their way already: its end should not wait until the slot counts as idle.
        if (decoder.seq > 0) batcher.requestProgress();
        this.#transactions++;
        return undefined;
      case "relation":
        return this.#defineRelation(signal);
      case "begin":
      case "none":
        return undefined;
    }
  }

  /** Drops or appends the decoder's record, if that can be done at once. */
  #takeRecord(): boolean {
    if (this.#dropping && this.#isDelivered()) return true;
    const route = this.#routes.get(this.#parts.decoder.target);
    return route !== undefined && this.#append(route);
  }

  /** The current record, which there was no room or route for, and the message's others. */
  async #takeRemaining(signal: AbortSignal): Promise<void> {
    const { decoder } = this.#parts;
    do {
      if (!this.#takeRecord()) await this.#appendLater(signal);
    } while (decoder.nextRecord());
  }

  async #appendLater(signal: AbortSignal): Promise<void> {
    const { decoder, batcher, routeOf } = this.#parts;
    let route = this.#routes.get(decoder.target);
    if (route === undefined) {
      route = await routeOf(decoder.target, signal);
      this.#routes.set(decoder.target, route);
    }
    while (!this.#append(route)) await batcher.waitForRoom(signal);
  }

  #append(route: Route): boolean {
    const { decoder, batcher } = this.#parts;
    const appended = batcher.tryAppend(
      route,
      decoder.record,
      decoder.commitTimeMs,
      decoder.commitLsn,
      decoder.seq,
      decoder.tombstone,
    );
    if (appended) this.#encoded[decoder.operation]++;
    return appended;
  }

  /** Commit LSNs and numbers only grow: after the first change that is new, all are. */
  #isDelivered(): boolean {
    const { decoder, start } = this.#parts;
    const delivered = decoder.commitLsn < start.commitLsn ||
      decoder.commitLsn === start.commitLsn && decoder.seq <= start.seq;
    this.#dropping = delivered;
    return delivered;
  }

  /** The catalog is asked only for what the message leaves open: other types than PostgreSQL's own, and other keys. */
  async #defineRelation(signal: AbortSignal): Promise<void> {
    const { decoder, session } = this.#parts;
    const relation = decoder.pendingRelation!;
    this.#routes.clear();
    const oids = relation.columns.map((column) => column.typeOid);
    const unknown = [...new Set(oids)].filter((oid) => builtinType(oid) === undefined);
    let primaryKey: readonly string[] | null | undefined;
    let types: ReadonlyMap<number, TypeInfo> = new Map();
    if (unknown.length > 0 || relation.replicaIdentity !== "default") {
      const details = await session.describeRelation(relation.id, unknown, signal);
      types = details.types;
      if (relation.replicaIdentity !== "default") primaryKey = details.primaryKey;
    }
    decoder.defineRelation(
      primaryKey,
      oids.map((oid) => builtinType(oid) ?? types.get(oid) ?? { kind: "base", name: "unknown" }),
    );
  }
}
