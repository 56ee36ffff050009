// PostgreSQL in a simulation: a WAL that grows.

import type { Lsn } from "../../../src/core/position.ts";
import type { Sent } from "../fake_ports.ts";
import { begin, commit, insert, relation } from "../../../dev/fixtures/pgoutput_bytes.ts";
import { type Decoding, SimulatedServer } from "./simulated_server.ts";
import type { SimulatedTransaction, SimulatedWorld } from "./simulated_world.ts";

const COLUMNS = [{ name: "id", type: 23, key: true }];
const RELATIONS = new Map([
  [1, relation(1, "public", "good", "d", COLUMNS)],
  [2, relation(2, "public", "doubtful", "d", COLUMNS)],
]);
const COMMIT_TIME_MS = 1_700_000_000_000;

export class SimulatedPostgres extends SimulatedServer {
  readonly transactions: SimulatedTransaction[] = [];
  #walEnd: Lsn = 1_000n;
  #rows = 0;

  constructor(world: SimulatedWorld) {
    super(world, { silence: 0.004, breaks: 0.005, pauseMs: [10, 200] });
  }

  /** Transactions that the slot has to deliver. */
  get owed(): readonly SimulatedTransaction[] {
    const from = this.slotFrom;
    return from === undefined ? [] : this.transactions.filter(({ commitLsn }) => commitLsn >= from);
  }

  protected override get walEnd(): Lsn {
    return this.#walEnd;
  }

  /** Commits a transaction. */
  write(): void {
    const { random } = this.world;
    // Changes of tables that are not published.
    if (random.chance(0.3)) this.#walEnd += BigInt(random.between(1, 100));
    const count = random.chance(0.1) ? random.between(20, 60) : random.between(1, 6);
    const rows = Array.from({ length: count }, () => ({
      id: ++this.#rows,
      table: random.chance(0.2) ? 2 : 1,
    }));
    const commitLsn = this.#walEnd + BigInt(count * 8);
    this.#walEnd = commitLsn + 40n;
    this.transactions.push({ commitLsn, endLsn: this.#walEnd, rows });
  }

  protected override decode(from: Lsn): Decoding {
    return new MessageQueue(this.world, this.transactions, from, () => this.#walEnd);
  }
}

class MessageQueue implements Decoding {
  readonly #world: SimulatedWorld;
  readonly #transactions: readonly SimulatedTransaction[];
  readonly #described = new Set<number>();
  readonly #waiting: Sent[] = [];
  readonly #walEnd: () => Lsn;
  #next: number;

  constructor(
    world: SimulatedWorld,
    transactions: readonly SimulatedTransaction[],
    from: Lsn,
    walEnd: () => Lsn,
  ) {
    this.#walEnd = walEnd;
    this.#world = world;
    this.#transactions = transactions;
    const first = transactions.findIndex(({ commitLsn }) => commitLsn >= from);
    this.#next = first < 0 ? transactions.length : first;
    // Decoding begins below the slot's position, and keepalives tell how far it is.
    if (world.random.chance(0.3)) this.#waiting.push({ keepalive: from }, { keepalive: from - 100n });
  }

  take(keepaliveDue: boolean): readonly Sent[] {
    const { random } = this.#world;
    const walEnd = this.#walEnd();
    while (this.#waiting.length < 10 && this.#next < this.#transactions.length) this.#decode(walEnd);
    if (this.#waiting.length > 0) return this.#waiting.splice(0, random.between(1, 12));
    return keepaliveDue || random.chance(0.2)
      ? [{ keepalive: walEnd, replyRequested: random.chance(0.3) }]
      : [];
  }

  #decode(walEnd: Lsn): void {
    const { random } = this.#world;
    const { commitLsn, endLsn, rows } = this.#transactions[this.#next]!;
    // While it decodes what comes after this transaction's commit, a keepalive tells an end beyond it.
    const keepalive = { keepalive: walEnd, replyRequested: random.chance(0.2) };
    this.#waiting.push(begin(commitLsn, COMMIT_TIME_MS + Number(commitLsn), this.#next + 1));
    for (const { id, table } of rows) {
      if (!this.#described.has(table)) this.#waiting.push(RELATIONS.get(table)!);
      this.#described.add(table);
      this.#waiting.push(insert(table, [String(id)]));
      if (random.chance(0.02)) this.#waiting.push(keepalive);
    }
    this.#waiting.push(commit(commitLsn, endLsn));
    this.#next++;
  }
}
