// PostgreSQL in a simulation of snapshots: readers see what is visible.

import { CaptureError } from "../../../src/core/errors.ts";
import type { Lsn } from "../../../src/core/position.ts";
import type { Visibility } from "../../../src/core/visibility.ts";
import type {
  Chunk,
  ChunkQuery,
  RowBlock,
  SnapshotReader,
  SnapshotTable,
  TableFault,
  WholeRead,
} from "../../../src/pipeline/snapshot_ports.ts";
import type { Sent } from "../fake_ports.ts";
import { BAG, ChangingTables, type Content, KEYED } from "./changing_tables.ts";
import { dataRows } from "./data_rows.ts";
import type { SimulatedProcess } from "./simulated_process.ts";
import { type Decoding, SimulatedServer, type SnapshotAnswers } from "./simulated_server.ts";
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

export class SnapshotPostgres extends SimulatedServer {
  readonly tables: ChangingTables;
  readonly #chunkRowsMax: number;
  /** Grows when the server restarts: connections of before are broken. */
  #starts = 0;

  constructor(world: SimulatedWorld) {
    super(world, { silence: 0, breaks: 0.002, pauseMs: [1, 50] });
    this.tables = new ChangingTables(world);
    this.#chunkRowsMax = world.random.chance(0.5) ? 3 : 12;
  }

  override crash(): void {
    this.#starts++;
    this.tables.crash();
    super.crash();
  }

  protected override get walEnd(): Lsn {
    return this.tables.walEnd;
  }

  protected override endOpenTransactions(): void {
    this.tables.crash();
  }

  protected override visibility(): Visibility {
    return this.tables.look().visibility;
  }

  protected override snapshotsOf(process: SimulatedProcess): SnapshotAnswers {
    return {
      publishedNow: async (signal) => {
        await this.answer(process, signal);
        return [
          { schema: "public", table: "keyed", oid: KEYED },
          { schema: "public", table: "bag", oid: BAG },
        ];
      },
      advanceWal: async (signal) => {
        await this.answer(process, signal);
        this.tables.advance();
        return this.tables.walEnd;
      },
      openSnapshotReader: () => this.#reader(process),
    };
  }

  protected override decode(from: Lsn): Decoding {
    const { random } = this.world;
    const { transactions } = this.tables;
    let next = transactions.findIndex(({ commitLsn }) => commitLsn >= from);
    if (next < 0) next = transactions.length;
    const described = new Set<number>();
    const waiting: Sent[] = [];
    return {
      take: (keepaliveDue) => {
        while (waiting.length < 10 && next < transactions.length) {
          waiting.push(...this.tables.messagesOf(transactions[next]!, described));
          next++;
        }
        if (waiting.length > 0) return waiting.splice(0, random.between(1, 12));
        return keepaliveDue || random.chance(0.2) ? [{ keepalive: this.tables.walEnd }] : [];
      },
    };
  }

  #reader(process: SimulatedProcess): SnapshotReader {
    const { random } = this.world;
    const starts = this.#starts;
    const isPrompt = random.chance(0.5);
    /** A query is answered at some moment between its request and its answer. */
    const ask = async <T>(answer: () => T, signal: AbortSignal, isSlow = random.chance(0.2)): Promise<T> => {
      if (!isSlow && isPrompt && starts === this.#starts) return answer();
      await this.world.latency(process, signal);
      const answered = answer();
      await this.world.latency(process, signal, isSlow ? 1_000 : 30);
      if (starts !== this.#starts || this.world.fault(0.01)) {
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
    return { content, moment: { visibility, walEnd: this.tables.walEnd, timeMs: this.world.clock.wall() } };
  }

  #chunk({ after, keys, rowsMax }: ChunkQuery): Chunk {
    const { random } = this.world;
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
    const { random } = this.world;
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
