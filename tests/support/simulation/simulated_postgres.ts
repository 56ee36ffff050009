// PostgreSQL in a simulation: a WAL that grows, one slot, and streams that break.

import { CaptureError } from "../../../src/core/errors.ts";
import type { Lsn } from "../../../src/core/position.ts";
import type { ReplicationSource, ReplicationStream, SourceSession } from "../../../src/pipeline/ports.ts";
import { NO_KEY, NO_READER, type Sent } from "../fake_ports.ts";
import { begin, commit, insert, relation } from "../../../dev/fixtures/pgoutput_bytes.ts";
import type { SimulatedProcess } from "./simulated_process.ts";
import type { SimulatedTransaction, SimulatedWorld } from "./simulated_world.ts";

const COLUMNS = [{ name: "id", type: 23, key: true }];
const RELATIONS = new Map([
  [1, relation(1, "public", "good", "d", COLUMNS)],
  [2, relation(2, "public", "doubtful", "d", COLUMNS)],
]);
const COMMIT_TIME_MS = 1_700_000_000_000;

/** A stream that is open, seen from the server. */
interface Walsender {
  isBroken: boolean;
  keepaliveDue: boolean;
}

export class SimulatedPostgres {
  readonly #world: SimulatedWorld;
  readonly transactions: SimulatedTransaction[] = [];
  /** Told of each confirmation, before it counts. */
  onConfirm: (flushed: Lsn) => void = () => {};
  #walEnd: Lsn = 1_000n;
  #rows = 0;
  #slotFrom: Lsn | undefined;
  #confirmed: Lsn = 0n;
  /** What the server may fall back to when it crashes, since it does not write each confirmation to disk. */
  #confirmedBefore: Lsn[] = [];
  #walsender: Walsender | undefined;
  #heldUntilMs = 0;

  constructor(world: SimulatedWorld) {
    this.#world = world;
  }

  /** Transactions that the slot has to deliver. */
  get owed(): readonly SimulatedTransaction[] {
    const from = this.#slotFrom;
    return from === undefined ? [] : this.transactions.filter(({ commitLsn }) => commitLsn >= from);
  }

  get confirmed(): Lsn {
    return this.#confirmed;
  }

  /** Commits a transaction. */
  write(): void {
    const { random } = this.#world;
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

  /** Restarts. The slot may be back where it was. */
  crash(): void {
    const { random } = this.#world;
    if (this.#walsender !== undefined) this.#walsender.isBroken = true;
    this.#release(0);
    const before = this.#confirmedBefore.slice(-5);
    if (before.length > 0) this.#confirmed = before[random.between(0, before.length - 1)]!;
    this.#world.log(`PostgreSQL crashed; the slot is at ${this.#confirmed}`);
  }

  source(process: SimulatedProcess): ReplicationSource {
    return {
      connect: async (signal) => {
        await this.#answer(process, signal);
        return this.#session(process);
      },
    };
  }

  async #answer(process: SimulatedProcess, signal: AbortSignal): Promise<void> {
    await this.#world.latency(process, signal);
    if (this.#world.fault(0.02)) throw new CaptureError("postgres-unavailable", "Cannot connect");
  }

  #session(process: SimulatedProcess): SourceSession {
    const isHeld = () => this.#walsender !== undefined || this.#world.clock.now() < this.#heldUntilMs;
    return {
      server: {
        systemIdentifier: "7300",
        timeline: 1,
        isStandby: false,
        versionNumber: 170_000,
        walSenderTimeoutMs: 60_000,
      },
      publishedTables: [],
      warnings: [],
      publicationChange: null,
      ...NO_READER,
      managePublication: () => Promise.resolve(null),
      slotBlockers: () => Promise.resolve([]),
      readTypesChange: () => Promise.resolve(null),
      timelineHistory: () => Promise.resolve([]),
      describeRelation: () => Promise.resolve({ ...NO_KEY, asOf: this.#walEnd }),
      slot: async (signal) => {
        await this.#answer(process, signal);
        if (this.#slotFrom === undefined) return null;
        return {
          confirmedFlushLsn: this.#confirmed,
          activePid: isHeld() ? 4711 : null,
          walEnd: this.#walEnd,
        };
      },
      createSlot: async (signal) => {
        await this.#answer(process, signal);
        if (this.#slotFrom !== undefined) return null;
        this.#slotFrom = this.#confirmed = this.#walEnd;
        return this.#walEnd;
      },
      start: async (signal) => {
        await this.#answer(process, signal);
        if (isHeld()) throw new CaptureError("slot-in-use", "The slot is in use");
        return this.#stream(process);
      },
      readWal: async (signal) => {
        await this.#answer(process, signal);
        return { end: this.#walEnd, keptFrom: null, status: null, bytesLeft: null, visibility: null };
      },
      close: () => {},
    };
  }

  /** A walsender may live on for a while after its client is gone. */
  #release(msMax = 2_000): void {
    if (this.#walsender === undefined) return;
    this.#walsender = undefined;
    this.#heldUntilMs = this.#world.clock.now() + this.#world.random.between(0, msMax);
  }

  #confirm(walsender: Walsender, flushed: Lsn): void {
    if (this.#walsender !== walsender) return;
    walsender.keepaliveDue = true;
    if (flushed === 0n) return;
    this.onConfirm(flushed);
    if (flushed <= this.#confirmed) return;
    this.#confirmedBefore.push(this.#confirmed);
    this.#confirmed = flushed;
  }

  #stream(process: SimulatedProcess): ReplicationStream {
    const walsender: Walsender = { isBroken: false, keepaliveDue: false };
    this.#walsender = walsender;
    const close = () => {
      if (this.#walsender === walsender) this.#release();
    };
    process.onDeath(close);
    const walsenderMessages = new MessageQueue(this.#world, this.transactions, this.#confirmed);
    this.#world.log(`streaming from ${this.#confirmed}`);
    const read: Sent[] = [];
    const stream = {
      bytes: new Uint8Array(0),
      start: 0,
      end: 0,
      walStartHigh: 0,
      walStartLow: 0,
      walEnd: 0n,
      replyRequested: false,
      omittedBytes: 0,
      takeReceivedBytes: () => 0,
      peek: () => {},
      next: () => {
        const sent = read.shift();
        if (sent === undefined) return "none" as const;
        if ("error" in sent) throw sent.error;
        if (!("keepalive" in sent)) {
          Object.assign(stream, sent);
          return "xlog-data" as const;
        }
        Object.assign(stream, { walEnd: sent.keepalive, replyRequested: sent.replyRequested ?? false });
        return "keepalive" as const;
      },
      fill: async (signal: AbortSignal) => {
        await this.#world.latency(process, signal);
        // Nothing comes for longer than the idle timeout.
        if (this.#world.fault(0.004)) await process.clock.sleep(60_000, signal);
        for (;;) {
          if (walsender.isBroken || this.#world.fault(0.005)) {
            close();
            throw new CaptureError("postgres-unavailable", "The stream ended");
          }
          read.push(...walsenderMessages.take(walsender.keepaliveDue, this.#walEnd));
          if (read.length > 0) break;
          await process.clock.sleep(this.#world.random.between(10, 200), signal);
        }
        walsender.keepaliveDue = false;
      },
      confirm: (_received: Lsn, flushed: Lsn) => {
        this.#confirm(walsender, flushed);
        return Promise.resolve();
      },
      finish: (_received: Lsn, flushed: Lsn) => {
        this.#confirm(walsender, flushed);
        return Promise.resolve();
      },
      close,
    };
    return stream;
  }
}

/** What a walsender has decoded and not yet sent. */
class MessageQueue {
  readonly #world: SimulatedWorld;
  readonly #transactions: readonly SimulatedTransaction[];
  readonly #described = new Set<number>();
  readonly #waiting: Sent[] = [];
  #next: number;

  /** @param from what commits below it is not sent */
  constructor(world: SimulatedWorld, transactions: readonly SimulatedTransaction[], from: Lsn) {
    this.#world = world;
    this.#transactions = transactions;
    const first = transactions.findIndex(({ commitLsn }) => commitLsn >= from);
    this.#next = first < 0 ? transactions.length : first;
    // Decoding begins below the slot's position, and keepalives tell how far it is.
    if (world.random.chance(0.3)) this.#waiting.push({ keepalive: from }, { keepalive: from - 100n });
  }

  /** The next chunk, which may end in the middle of a transaction; empty while there is nothing to send. */
  take(keepaliveDue: boolean, walEnd: Lsn): readonly Sent[] {
    const { random } = this.#world;
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
