// Two tables that transactions change, in a simulation: one with a key, one without.

import type { Lsn } from "../../../src/core/position.ts";
import { Visibility } from "../../../src/core/visibility.ts";
import type { MessageBytes } from "../../../src/decoder/pgoutput/message_bytes.ts";
import {
  begin,
  type Cell,
  commit,
  insert,
  relation,
  remove,
  truncate,
  UNCHANGED,
  update,
} from "../../../dev/fixtures/pgoutput_bytes.ts";
import type { SimulatedWorld } from "./simulated_world.ts";

export const KEYED = 1;
export const BAG = 2;
const KEYED_RELATION = relation(KEYED, "public", "keyed", "d", [
  { name: "id", type: 23, key: true },
  { name: "version", type: 23 },
  { name: "big", type: 25 },
]);

/** A row of the table with a key. */
export interface KeyedRow {
  readonly id: number;
  /** Each change of any row gives a higher one. */
  readonly version: number;
  /** Is left out of the stream when it does not change. */
  readonly big: string;
}

/** What one statement does to the tables. */
type Change =
  | { readonly kind: "put"; readonly row: KeyedRow; readonly old: KeyedRow | undefined }
  | { readonly kind: "remove"; readonly old: KeyedRow }
  | { readonly kind: "truncate"; readonly table: number }
  | { readonly kind: "bag put"; readonly value: number }
  | { readonly kind: "bag remove"; readonly value: number };

export interface ChangingTransaction {
  readonly xid: number;
  readonly commitLsn: Lsn;
  readonly endLsn: Lsn;
  /** When other sessions see it; a synchronous standby may keep it from them for long. */
  visibleAtMs: number;
  readonly changes: readonly Change[];
}

/** The tables' content at one moment. */
export interface Content {
  readonly keyed: ReadonlyMap<number, KeyedRow>;
  readonly bag: readonly number[];
}

/** Content that changes are applied to. */
export class GrowingContent implements Content {
  readonly keyed: Map<number, KeyedRow>;
  readonly bag: number[];

  constructor({ keyed, bag }: Content) {
    this.keyed = new Map(keyed);
    this.bag = [...bag];
  }

  apply(changes: readonly Change[]): void {
    const { keyed, bag } = this;
    for (const change of changes) {
      switch (change.kind) {
        case "put":
          if (change.old !== undefined) keyed.delete(change.old.id);
          keyed.set(change.row.id, change.row);
          break;
        case "remove":
          keyed.delete(change.old.id);
          break;
        case "truncate":
          if (change.table === KEYED) keyed.clear();
          else bag.length = 0;
          break;
        case "bag put":
          bag.push(change.value);
          break;
        case "bag remove":
          bag.splice(bag.indexOf(change.value), 1);
          break;
      }
    }
  }
}

const IDS = 50;
/** Rows with these ids change rarely. */
const QUIET_IDS = 8;
const COMMIT_TIME_MS = 1_700_000_000_000;

export class ChangingTables {
  readonly #world: SimulatedWorld;
  readonly transactions: ChangingTransaction[] = [];
  walEnd: Lsn = 1_000n;
  readonly #first: Content;
  #xid = 700;
  #version = 0;
  /** Transactions that have begun. */
  readonly #begun: number[] = [];
  /** Whether the table without a key has its whole rows as identity; otherwise rows are only added to it. */
  readonly isBagFull: boolean;
  /** The longest time for which a commit may hang. */
  readonly #hangMsMax: number;

  constructor(world: SimulatedWorld) {
    this.#world = world;
    const { random } = world;
    this.isBagFull = random.chance(0.5);
    this.#hangMsMax = random.chance(0.5) ? 5_000 : 30_000;
    const keyed = new Map<number, KeyedRow>();
    for (let id = 1; id <= IDS; id++) if (random.chance(0.5)) keyed.set(id, this.#newRow(id));
    const bag = Array.from({ length: random.between(0, 12) }, () => random.between(1, 5));
    this.#first = { keyed, bag };
  }

  /** What was there before all transactions. */
  get first(): Content {
    return this.#first;
  }

  /** After all transactions. */
  get last(): Content {
    return this.#contentOf(() => true);
  }

  /** A transaction begins and gets its xid. */
  begin(): void {
    this.#begun.push(++this.#xid);
  }

  /** One of those that have begun commits, or rolls back. */
  finish(): void {
    const { random, clock } = this.#world;
    const [xid] = this.#begun.splice(random.between(0, this.#begun.length - 1), 1);
    if (xid === undefined) return;
    if (random.chance(0.2)) this.walEnd += BigInt(random.between(30, 100));
    if (random.chance(0.1)) return;
    const changes: Change[] = [];
    for (let count = random.between(1, 5); count > 0; count--) this.#change(changes);
    if (changes.length === 0) return;
    const commitLsn = this.walEnd + BigInt(changes.length * 20);
    this.walEnd = commitLsn + 40n;
    const delayMs = random.chance(0.1) ? random.between(100, this.#hangMsMax) : random.between(0, 3);
    this.transactions.push({
      ...{ xid, commitLsn, endLsn: this.walEnd, changes },
      visibleAtMs: clock.now() + delayMs,
    });
  }

  /** Those that have begun end. */
  finishAll(): void {
    while (this.#begun.length > 0) this.finish();
  }

  /** WAL of something that is not published. */
  advance(): void {
    this.walEnd += 40n;
  }

  /** PostgreSQL restarts: what was committed is visible, what was open is gone. */
  crash(): void {
    this.#begun.length = 0;
    for (const each of this.transactions) each.visibleAtMs = 0;
  }

  /** What a snapshot that is taken now sees, and which transactions those are. */
  look(): { readonly content: Content; readonly visibility: Visibility } {
    const running = [...this.#begun, ...this.#invisible.map(({ xid }) => xid)].sort((a, b) => a - b);
    const xmax = this.#xid + 1;
    const visibility = Visibility.parse(`${running[0] ?? xmax}:${xmax}:${running.join(",")}`)!;
    return { content: this.#contentOf(({ xid }) => visibility.sees(xid)), visibility };
  }

  messagesOf(
    { xid, commitLsn, endLsn, changes }: ChangingTransaction,
    described: Set<number>,
  ): MessageBytes[] {
    const messages = [begin(commitLsn, COMMIT_TIME_MS + Number(commitLsn), xid)];
    for (const change of changes) {
      const table = tableOf(change);
      if (!described.has(table)) messages.push(this.#relationOf(table));
      described.add(table);
      messages.push(messageOf(change));
    }
    messages.push(commit(commitLsn, endLsn));
    return messages;
  }

  #relationOf(table: number): MessageBytes {
    if (table === KEYED) return KEYED_RELATION;
    const key = this.isBagFull;
    return relation(BAG, "public", "bag", key ? "f" : "n", [{ name: "value", type: 23, key }]);
  }

  get #invisible(): readonly ChangingTransaction[] {
    const now = this.#world.clock.now();
    return this.transactions.filter(({ visibleAtMs }) => visibleAtMs > now);
  }

  /** Rows that a transaction has changed stay locked until it is visible. */
  get #isLocked(): (id: number) => boolean {
    const locked = new Set<number>();
    let isTableLocked = false;
    for (const change of this.#invisible.flatMap(({ changes }) => changes)) {
      if (change.kind === "put") locked.add(change.row.id);
      if ((change.kind === "put" || change.kind === "remove") && change.old) locked.add(change.old.id);
      if (change.kind === "truncate") isTableLocked = true;
    }
    return (id) => isTableLocked || locked.has(id);
  }

  #contentOf(isSeen: (transaction: ChangingTransaction) => boolean, open: readonly Change[] = []): Content {
    const content = new GrowingContent(this.#first);
    for (const transaction of this.transactions) if (isSeen(transaction)) content.apply(transaction.changes);
    content.apply(open);
    return content;
  }

  #newRow(id: number): KeyedRow {
    const version = ++this.#version;
    return { id, version, big: `big ${version}` };
  }

  #anyId(): number {
    const { random } = this.#world;
    return random.chance(0.95) ? random.between(1, IDS - QUIET_IDS) : random.between(1, IDS);
  }

  #change(changes: Change[]): void {
    const { random } = this.#world;
    const isLocked = this.#isLocked;
    const { keyed, bag } = this.#contentOf(() => true, changes);
    const id = this.#anyId();
    const row = keyed.get(id);
    const isBagLocked = this.#invisible.some(({ changes }) => changes.some((each) => tableOf(each) === BAG));
    const choice = random.next();
    if (choice < 0.01) {
      if (this.#invisible.length === 0) {
        changes.push({ kind: "truncate", table: random.chance(0.5) ? KEYED : BAG });
      }
    } else if (choice < 0.2) {
      if (isBagLocked) return;
      const value = bag[random.between(0, bag.length - 1)];
      if (!this.isBagFull || random.chance(0.6) || value === undefined) {
        changes.push({ kind: "bag put", value: random.between(1, 5) });
      } else changes.push({ kind: "bag remove", value });
    } else if (isLocked(id)) {
      return;
    } else if (row === undefined) {
      // Rows that no consumer has seen are to last for a while.
      if (random.chance(0.4)) changes.push({ kind: "put", row: this.#newRow(id), old: undefined });
    } else if (choice < 0.28) {
      changes.push({ kind: "remove", old: row });
    } else if (choice < 0.6) {
      // To a key that is free; the large value is not sent.
      const ids = [this.#anyId(), this.#anyId(), this.#anyId(), this.#anyId()];
      const other = ids.find((each) => !keyed.has(each) && !isLocked(each));
      if (other === undefined) return;
      changes.push({ kind: "put", row: { id: other, version: ++this.#version, big: row.big }, old: row });
    } else if (choice < 0.85) {
      changes.push({ kind: "put", row: { ...row, version: ++this.#version }, old: row });
    } else {
      changes.push({ kind: "put", row: this.#newRow(id), old: row });
    }
  }
}

function tableOf(change: Change): number {
  if (change.kind === "truncate") return change.table;
  return change.kind.startsWith("bag") ? BAG : KEYED;
}

function messageOf(change: Change): MessageBytes {
  switch (change.kind) {
    case "put": {
      const { row, old } = change;
      const cells: readonly Cell[] = [String(row.id), String(row.version), row.big];
      if (old === undefined) return insert(KEYED, cells);
      const sent: readonly Cell[] = old.big === row.big ? [cells[0]!, cells[1]!, UNCHANGED] : cells;
      return old.id === row.id
        ? update(KEYED, sent)
        : update(KEYED, sent, ["K", [String(old.id), null, null]]);
    }
    case "remove":
      return remove(KEYED, "K", [String(change.old.id), null, null]);
    case "truncate":
      return truncate(change.table);
    case "bag put":
      return insert(BAG, [String(change.value)]);
    case "bag remove":
      return remove(BAG, "O", [String(change.value)]);
  }
}
