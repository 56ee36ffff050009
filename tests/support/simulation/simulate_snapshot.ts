// Runs captures with an initial snapshot against a simulated outside, and judges each prefix of what Kafka holds.

import { formatLsn } from "../../../src/core/position.ts";
import { ChangeDecoder } from "../../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../../src/decoder/formats/native/native_format.ts";
import type { CaptureParts } from "../../../src/pipeline/capture_parts.ts";
import { type CaptureSubscriber, publishTo } from "../../../src/pipeline/events.ts";
import { supervise } from "../../../src/pipeline/supervisor.ts";
import { FAKE_SETTINGS } from "../fake_ports.ts";
import { judgeSnapshot, judgeState } from "./snapshot_judge.ts";
import { live } from "./lifetime.ts";
import { SimulatedKafka } from "./simulated_kafka.ts";
import { SimulatedProcess } from "./simulated_process.ts";
import { SimulatedStore } from "./simulated_store.ts";
import { SimulatedWorld } from "./simulated_world.ts";
import { SnapshotPostgres } from "./snapshot_postgres.ts";

export interface SnapshotSimulationResult {
  readonly violations: readonly string[];
  readonly history: readonly string[];
  readonly sessions: number;
  /** READ records. */
  readonly reads: number;
  readonly records: number;
}

/** The same seed gives the same result, event by event. */
export async function simulateSnapshot(seed: number): Promise<SnapshotSimulationResult> {
  return await new SnapshotSimulation(seed).run();
}

class SnapshotSimulation {
  readonly #world: SimulatedWorld;
  readonly #postgres: SnapshotPostgres;
  readonly #kafka: SimulatedKafka;
  readonly #store: SimulatedStore;
  #sessions = 0;
  #isWritten = false;

  constructor(seed: number) {
    this.#world = new SimulatedWorld(seed);
    this.#postgres = new SnapshotPostgres(this.#world);
    this.#kafka = new SimulatedKafka(this.#world, "exactly-once");
    this.#store = new SimulatedStore(this.#world);
    this.#kafka.onCommit = () => {
      const { records, states } = this.#kafka;
      for (const state of states.values()) judgeState(records, state, (rule) => this.#world.violate(rule));
    };
  }

  async run(): Promise<SnapshotSimulationResult> {
    const { random } = this.#world;
    const over = new AbortController();
    const outside = [this.#write(over.signal), this.#crashPostgres(over.signal), this.#ask(over.signal)];
    // Without snapshots, what was streamed is confirmed before it is visible.
    for (let starts = random.chance(0.4) ? random.between(1, 2) : 0; starts > 0; starts--) {
      await this.#runProcess("never");
    }
    for (let starts = random.between(1, 6); starts > 0; starts--) await this.#runProcess("initial");
    this.#world.isCalm = true;
    this.#kafka.ask({ kind: "resume", tables: [] });
    await this.#runProcess("initial");
    over.abort();
    await Promise.allSettled(outside);
    const { tables, slotFrom } = this.#postgres;
    judgeSnapshot(this.#kafka, tables, slotFrom!, (rule) => this.#world.violate(rule));
    for (const table of ["keyed", "bag"]) {
      const status = this.#kafka.states.get(table)?.status;
      if (status !== "complete") this.#world.violate(`the snapshot of ${table} is ${status}`);
    }
    const { violations, history } = this.#world;
    const { records } = this.#kafka;
    const reads = records.filter(({ envelope }) => envelope.op === "READ").length;
    return { violations, history, sessions: this.#sessions, reads, records: records.length };
  }

  async #write(over: AbortSignal): Promise<void> {
    const { random, clock } = this.#world;
    const pauseMsMax = random.between(10, 150);
    for (let count = random.between(50, 300); count > 0; count--) {
      await clock.sleep(random.between(0, pauseMsMax), over);
      if (random.chance(0.55)) this.#postgres.tables.begin();
      else this.#postgres.tables.finish();
    }
    // As long as one is open, a process that does not know what was streamed before waits for it.
    await clock.sleep(random.between(0, 20_000), over);
    this.#postgres.tables.finishAll();
    this.#isWritten = true;
  }

  async #crashPostgres(over: AbortSignal): Promise<void> {
    while (!this.#world.isCalm) {
      await this.#world.clock.sleep(this.#world.random.between(2_000, 60_000), over);
      if (!this.#world.isCalm) this.#postgres.crash();
    }
  }

  /** Snapshots are paused and resumed. */
  async #ask(over: AbortSignal): Promise<void> {
    const { random, clock } = this.#world;
    if (random.chance(0.6)) return;
    while (!this.#world.isCalm) {
      await clock.sleep(random.between(100, 4_000), over);
      if (this.#world.isCalm) return;
      const tables = random.chance(0.5) ? [] : [random.chance(0.5) ? "keyed" : "bag"];
      this.#kafka.ask({ kind: random.chance(0.4) ? "pause" : "resume", tables });
    }
  }

  async #runProcess(mode: "never" | "initial"): Promise<void> {
    const { clock, random } = this.#world;
    // What is written meanwhile is streamed at its start.
    if (random.chance(0.5)) await clock.pass(random.between(0, 3_000));
    const process = new SimulatedProcess(clock);
    const settings = {
      ...FAKE_SETTINGS,
      limits: {
        lingerMs: random.between(0, 50),
        enoughBytes: 4_000,
        bufferBytesMax: 1e6,
        bufferRecordsMax: random.chance(0.5) ? random.between(2, 6) : random.between(2, 60),
        idleProgressMs: random.between(50, 5_000),
      },
      pollIntervalMs: 500,
      stopMsMax: 7_000,
      snapshot: {
        mode,
        includes: () => true,
        matches: (pattern: string, { table }: { readonly table: string }) => pattern === table,
        readers: random.between(1, 2),
        rowsPerSecond: random.chance(0.5) ? random.between(4, 40) : undefined,
      },
    };
    const capture = (signal: AbortSignal) => supervise(this.#parts(process), settings, random.next, signal);
    const ended = await live(this.#world, process, capture, {
      ms: random.between(50, random.chance(0.2) ? 60_000 : 4_000),
      kills: 0.7,
      isDelivered: () => this.#isDelivered,
    });
    if (ended?.error !== undefined) this.#world.violate(`the process ended: ${ended.error}`);
  }

  #parts(process: SimulatedProcess): CaptureParts {
    const logging: CaptureSubscriber = {
      connected: () => this.#sessions++,
      retrying: (error) => this.#world.log(`retrying: ${error.message}`),
      resumed: ({ from, position }) => this.#world.log(`resumed from ${from} ${formatLsn(position.endLsn)}`),
      snapshotDelivered: ({ table, status, lastKey, rows, again }) =>
        this.#world.log(
          `${table} is ${status}: ${rows} rows, up to ${lastKey?.join()}, again ${again.join()}`,
        ),
    };
    return {
      source: this.#postgres.source(process),
      createSink: () => this.#kafka.sink(process),
      probeSink: (_identity, _topics, signal) => this.#kafka.probe(process, signal),
      store: this.#store.store(process),
      relations: { load: () => Promise.resolve([]), save: () => Promise.resolve() },
      createFormat: () => new NativeFormat("0", "shop"),
      createDecoder: () => new ChangeDecoder({ format: new NativeFormat("0", "shop"), tombstones: false }),
      topicOf: (target) => typeof target === "string" ? target : `${target.schema}.${target.table}`,
      topicConflicts: () => [],
      events: publishTo([logging]),
      clock: process.clock,
    };
  }

  get #isDelivered(): boolean {
    const { tables, confirmed } = this.#postgres;
    const isComplete = ["keyed", "bag"].every((table) =>
      this.#kafka.states.get(table)?.status === "complete"
    );
    return this.#isWritten && isComplete && confirmed >= (tables.transactions.at(-1)?.endLsn ?? 0n);
  }
}
