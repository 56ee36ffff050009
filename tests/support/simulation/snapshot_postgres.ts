// PostgreSQL in a simulation of snapshots: a slot, a stream that breaks, and readers that see what is visible.

import { CaptureError } from "../../../src/core/errors.ts";
import type { Lsn } from "../../../src/core/position.ts";
import type { ReplicationSource, ReplicationStream, SourceSession } from "../../../src/pipeline/ports.ts";
import type {
  Chunk,
  ChunkQuery,
  RowBlock,
  SnapshotReader,
  SnapshotTable,
  TableFault,
  WholeRead,
} from "../../../src/pipeline/snapshot_ports.ts";
import { NO_KEY, type Sent } from "../fake_ports.ts";
import { BAG, ChangingTables, type Content, KEYED } from "./changing_tables.ts";
import { dataRows } from "./data_rows.ts";
import type { SimulatedProcess } from "./simulated_process.ts";
import type { SimulatedWorld } from "./simulated_world.ts";

const KEYED_TABLE: SnapshotTable = {
  relation: {
    id: KEYED,
    schema: "public",
    table: "keyed",
    replicaIdentity: "default",
    columns: [
      { name: "id", typeOid: 23, isIdentity: true },
      { name: "version", typeOid: 23, isIdentity: false },
      { name: "big", typeOid: 25, isIdentity: false },
    ],
  },
  primaryKey: undefined,
  unknownTypes: [],
  order: [0],
  orderNames: ["id"],
  orderRule: "integer",
  rowsExpected: null,
};

function bagTable(isFull: boolean): SnapshotTable {
  return {
    relation: {
      id: BAG,
      schema: "public",
      table: "bag",
      replicaIdentity: isFull ? "full" : "nothing",
      columns: [{ name: "value", typeOid: 23, isIdentity: isFull }],
    },
    primaryKey: null,
    unknownTypes: [],
    order: [],
    orderNames: [],
    orderRule: "",
    rowsExpected: null,
  };
}

interface Walsender {
  isBroken: boolean;
  keepaliveDue: boolean;
}

export class SnapshotPostgres {
  readonly #world: SimulatedWorld;
  readonly tables: ChangingTables;
  #confirmed: Lsn = 0n;
  #confirmedBefore: Lsn[] = [];
  #slotFrom: Lsn | undefined;
  #walsender: Walsender | undefined;
  #heldUntilMs = 0;
  readonly #chunkRowsMax: number;
  /** Grows when the server restarts: connections of before are broken. */
  #starts = 0;

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.tables = new ChangingTables(world);
    this.#chunkRowsMax = world.random.chance(0.5) ? 3 : 12;
  }

  get confirmed(): Lsn {
    return this.#confirmed;
  }

  /** Where the slot was made; undefined before. */
  get slotFrom(): Lsn | undefined {
    return this.#slotFrom;
  }

  crash(): void {
    const { random } = this.#world;
    if (this.#walsender !== undefined) this.#walsender.isBroken = true;
    this.#release(0);
    this.#starts++;
    this.tables.crash();
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
      publishedNow: async (signal) => {
        await this.#answer(process, signal);
        return [
          { schema: "public", table: "keyed", oid: KEYED },
          { schema: "public", table: "bag", oid: BAG },
        ];
      },
      advanceWal: async (signal) => {
        await this.#answer(process, signal);
        this.tables.advance();
        return this.tables.walEnd;
      },
      openSnapshotReader: () => this.#reader(process),
      managePublication: () => Promise.resolve(null),
      slotBlockers: () => Promise.resolve([]),
      readTypesChange: () => Promise.resolve(null),
      timelineHistory: () => Promise.resolve([]),
      describeRelation: () => Promise.resolve({ ...NO_KEY, asOf: this.tables.walEnd }),
      slot: async (signal) => {
        await this.#answer(process, signal);
        if (this.#slotFrom === undefined) return null;
        return {
          confirmedFlushLsn: this.#confirmed,
          activePid: isHeld() ? 4711 : null,
          walEnd: this.tables.walEnd,
        };
      },
      createSlot: async (signal) => {
        await this.#answer(process, signal);
        if (this.#slotFrom !== undefined) return null;
        // PostgreSQL waits for the transactions that are open.
        this.tables.crash();
        this.#slotFrom = this.#confirmed = this.tables.walEnd;
        return this.#slotFrom;
      },
      start: async (signal) => {
        await this.#answer(process, signal);
        if (isHeld()) throw new CaptureError("slot-in-use", "The slot is in use");
        return this.#stream(process);
      },
      readWal: async (signal) => {
        await this.#answer(process, signal);
        const { visibility } = this.tables.look();
        return { end: this.tables.walEnd, keptFrom: null, status: null, bytesLeft: null, visibility };
      },
      close: () => {},
    };
  }

  #release(msMax = 2_000): void {
    if (this.#walsender === undefined) return;
    this.#walsender = undefined;
    this.#heldUntilMs = this.#world.clock.now() + this.#world.random.between(0, msMax);
  }

  #confirm(walsender: Walsender, flushed: Lsn): void {
    if (this.#walsender !== walsender) return;
    walsender.keepaliveDue = true;
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
    const { transactions } = this.tables;
    const from = this.#confirmed;
    let next = transactions.findIndex(({ commitLsn }) => commitLsn >= from);
    if (next < 0) next = transactions.length;
    const described = new Set<number>();
    const waiting: Sent[] = [];
    const read: Sent[] = [];
    this.#world.log(`streaming from ${from}`);
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
        const { random } = this.#world;
        await this.#world.latency(process, signal);
        for (;;) {
          if (walsender.isBroken || this.#world.fault(0.002)) {
            close();
            throw new CaptureError("postgres-unavailable", "The stream ended");
          }
          while (waiting.length < 10 && next < transactions.length) {
            waiting.push(...this.tables.messagesOf(transactions[next]!, described));
            next++;
          }
          if (waiting.length > 0) read.push(...waiting.splice(0, random.between(1, 12)));
          else if (walsender.keepaliveDue || random.chance(0.2)) read.push({ keepalive: this.tables.walEnd });
          if (read.length > 0) break;
          await process.clock.sleep(random.between(1, 50), signal);
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

  #reader(process: SimulatedProcess): SnapshotReader {
    const { random } = this.#world;
    const starts = this.#starts;
    const isPrompt = random.chance(0.5);
    /** A query is answered at some moment between its request and its answer. */
    const ask = async <T>(answer: () => T, signal: AbortSignal, isSlow = random.chance(0.2)): Promise<T> => {
      if (!isSlow && isPrompt && starts === this.#starts) return answer();
      await this.#world.latency(process, signal);
      const answered = answer();
      await this.#world.latency(process, signal, isSlow ? 1_000 : 30);
      if (starts !== this.#starts || this.#world.fault(0.01)) {
        throw new CaptureError("postgres-unavailable", "Lost the connection that reads tables");
      }
      return answered;
    };
    return {
      describe: (_schema, table, signal) =>
        ask(
          (): SnapshotTable | TableFault => table === "keyed" ? KEYED_TABLE : bagTable(this.tables.isBagFull),
          signal,
        ),
      readChunk: (_table, query, signal) => ask(() => this.#chunk(query), signal),
      lock: (_table, _where, signal) => ask(() => null, signal),
      readWhole: (_table, _where, signal) => ask(() => this.#whole(ask), signal),
      unlock: () => Promise.resolve(),
      close: () => {},
    };
  }

  #moment(): { readonly content: Content; readonly moment: Chunk["moment"] } {
    const { content, visibility } = this.tables.look();
    return { content, moment: { visibility, walEnd: this.tables.walEnd, timeMs: this.#world.clock.wall() } };
  }

  #chunk({ after, keys, rowsMax }: ChunkQuery): Chunk {
    const { random } = this.#world;
    const { content, moment } = this.#moment();
    const limit = Math.min(rowsMax, random.between(1, this.#chunkRowsMax));
    const wanted = [...content.keyed.values()]
      .filter(({ id }) => after === null || id > Number(after[0]))
      .filter(({ id }) => keys === null || keys.some(([key]) => Number(key) === id))
      .sort((a, b) => a.id - b.id);
    const rows = keys === null || random.chance(0.3) ? wanted.slice(0, limit) : wanted;
    return {
      moment,
      rows: dataRows(rows.map(({ id, version, big }) => [String(id), String(version), big])),
      isLast: rows.length === wanted.length,
    };
  }

  #whole(ask: <T>(answer: () => T, signal: AbortSignal) => Promise<T>): WholeRead {
    const { random } = this.#world;
    const { content, moment } = this.#moment();
    const left = content.bag.map((value) => [String(value)]);
    return {
      moment,
      next: async (_bytesMax, signal) => {
        // The end may come together with the last rows.
        if (left.length === 0 && random.chance(0.5)) return null;
        return await ask(
          (): RowBlock | null => left.length === 0 ? null : dataRows(left.splice(0, random.between(1, 8))),
          signal,
        );
      },
    };
  }
}
