// Runs captures against a simulated outside, with faults from a seed, and judges what Kafka holds in the end.

import { CaptureError } from "../../../src/core/errors.ts";
import { formatLsn, type Lsn } from "../../../src/core/position.ts";
import { ChangeDecoder } from "../../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../../src/decoder/formats/native/native_format.ts";
import type { CaptureParts } from "../../../src/pipeline/capture_parts.ts";
import { type CaptureSubscriber, publishTo } from "../../../src/pipeline/events.ts";
import type { DeliveryGuarantee } from "../../../src/pipeline/ports.ts";
import type { RelationHistory } from "../../../src/pipeline/relation_store.ts";
import { supervise } from "../../../src/pipeline/supervisor.ts";
import { FAKE_SETTINGS } from "../fake_ports.ts";
import { live } from "./lifetime.ts";
import { SimulatedKafka, type SimulatedRecord } from "./simulated_kafka.ts";
import { SimulatedPostgres } from "./simulated_postgres.ts";
import { SimulatedProcess } from "./simulated_process.ts";
import { SimulatedStore } from "./simulated_store.ts";
import { type SimulatedTransaction, SimulatedWorld } from "./simulated_world.ts";

export interface SimulationResult {
  /** What must not have happened; empty if all is well. */
  readonly violations: readonly string[];
  /** What happened, oldest first. */
  readonly history: readonly string[];
  readonly sessions: number;
  readonly records: number;
}

const TRANSACTIONS = 30;
const DOUBTFUL_TOPIC = "public.doubtful";

/** The same seed gives the same result, event by event. */
export async function simulate(seed: number): Promise<SimulationResult> {
  return await new Simulation(seed).run();
}

class Simulation {
  readonly #world: SimulatedWorld;
  readonly #postgres: SimulatedPostgres;
  readonly #kafka: SimulatedKafka;
  readonly #store: SimulatedStore;
  readonly #delivery: DeliveryGuarantee;
  readonly #relations = new Map<number, RelationHistory>();
  #sessions = 0;

  constructor(seed: number) {
    this.#world = new SimulatedWorld(seed);
    this.#delivery = this.#world.random.chance(0.8) ? "exactly-once" : "at-least-once";
    this.#postgres = new SimulatedPostgres(this.#world);
    this.#kafka = new SimulatedKafka(this.#world, this.#delivery);
    this.#store = new SimulatedStore(this.#world);
    this.#postgres.onConfirm = (flushed) => this.#judgeConfirmation(flushed);
  }

  async run(): Promise<SimulationResult> {
    const { random } = this.#world;
    if (random.chance(0.3)) this.#kafka.refusedTopic = DOUBTFUL_TOPIC;
    const over = new AbortController();
    const outside = [this.#write(over.signal), this.#crashPostgres(over.signal)];
    for (let starts = random.between(1, 5); starts > 0; starts--) await this.#runProcess();
    this.#world.isCalm = true;
    this.#kafka.refusedTopic = undefined;
    await this.#runProcess();
    over.abort();
    await Promise.allSettled(outside);
    this.#judgeEnd();
    const { violations, history } = this.#world;
    return { violations, history, sessions: this.#sessions, records: this.#kafka.records.length };
  }

  async #write(over: AbortSignal): Promise<void> {
    for (let count = 0; count < TRANSACTIONS; count++) {
      const msMax = this.#world.random.chance(0.1) ? 20_000 : 800;
      await this.#world.clock.sleep(this.#world.random.between(0, msMax), over);
      this.#postgres.write();
    }
  }

  async #crashPostgres(over: AbortSignal): Promise<void> {
    while (!this.#world.isCalm) {
      await this.#world.clock.sleep(this.#world.random.between(2_000, 30_000), over);
      if (!this.#world.isCalm) this.#postgres.crash();
    }
  }

  /**
   * One process, until it is stopped or killed, ends by itself, or, once it is calm, until everything is
   * delivered.
   */
  async #runProcess(): Promise<void> {
    const { clock, random } = this.#world;
    const process = new SimulatedProcess(clock);
    const settings = {
      ...FAKE_SETTINGS,
      delivery: this.#delivery,
      limits: {
        lingerMs: random.between(0, 50),
        enoughBytes: 4_000,
        bufferBytesMax: 1e6,
        bufferRecordsMax: random.between(2, 60),
        idleProgressMs: random.between(50, 5_000),
      },
      pollIntervalMs: 500,
      stopMsMax: 7_000,
    };
    const capture = (signal: AbortSignal) => supervise(this.#parts(process), settings, random.next, signal);
    const ended = await live(this.#world, process, capture, {
      ms: random.between(50, random.chance(0.2) ? 120_000 : 12_000),
      kills: 0.5,
      isDelivered: () => this.#isDelivered,
    });
    if (ended !== null) this.#judgeError(ended.error);
  }

  #parts(process: SimulatedProcess): CaptureParts {
    const counting: CaptureSubscriber = {
      connected: () => this.#sessions++,
      retrying: (error) => this.#world.log(`retrying: ${error.message}`),
      resumed: ({ from, position }) => this.#world.log(`resumed from ${from} ${formatLsn(position.endLsn)}`),
    };
    return {
      source: this.#postgres.source(process),
      createSink: () => this.#kafka.sink(process),
      probeSink: (_identity, _topics, signal) => this.#kafka.probe(process, signal),
      store: this.#store.store(process),
      relations: {
        load: (_source, relationId) => Promise.resolve(this.#relations.get(relationId) ?? []),
        save: (_source, relationId, history) => {
          this.#relations.set(relationId, history);
          return Promise.resolve();
        },
      },
      createFormat: () => new NativeFormat("0", "shop"),
      createDecoder: () => new ChangeDecoder({ format: new NativeFormat("0", "shop"), tombstones: false }),
      topicOf: (target) => typeof target === "string" ? target : `${target.schema}.${target.table}`,
      topicConflicts: () => [],
      events: publishTo([counting]),
      clock: process.clock,
    };
  }

  get #isDelivered(): boolean {
    const { transactions, owed, confirmed } = this.#postgres;
    return transactions.length === TRANSACTIONS && confirmed >= (owed.at(-1)?.endLsn ?? 0n);
  }

  /** What is confirmed is delivered, and saved unless saving fails and Kafka's record serves alone. */
  #judgeConfirmation(flushed: Lsn): void {
    const { progress } = this.#store.saved ?? {};
    if (flushed > this.#kafka.deliveredEnd) {
      this.#world.violate(`${formatLsn(flushed)} was confirmed undelivered`);
    }
    if (!this.#store.hasFailed && flushed > (progress?.position.endLsn ?? 0n)) {
      this.#world.violate(`${formatLsn(flushed)} was confirmed unsaved`);
    }
  }

  /**
   * A process ends by itself only for what an operator has to fix; then everything before that is delivered.
   */
  #judgeError(error: unknown): void {
    if (error === undefined) return;
    const kind = error instanceof CaptureError ? error.kind : undefined;
    if (kind === "checkpoint-unavailable" && this.#delivery === "at-least-once") return;
    if (kind !== "topic-conflict" || this.#kafka.refusedTopic === undefined) {
      return this.#world.violate(`the process ended: ${error}`);
    }
    const refused = this.#postgres.owed.find((each) => each.rows.some(({ table }) => table === 2))!;
    const isDelivered = ({ rows }: SimulatedTransaction) =>
      rows.every(({ id }) => this.#kafka.records.some((record) => record.id === id));
    const before = this.#postgres.owed.filter(({ commitLsn }) => commitLsn < refused.commitLsn);
    if (!before.every(isDelivered)) this.#world.violate("a refusal held back transactions before it");
    if (this.#world.random.chance(0.5)) this.#kafka.refusedTopic = undefined;
  }

  /** The oracle: each (commit_lsn, tx_seq) once and in order, nothing lost up to the end. */
  #judgeEnd(): void {
    const expected = this.#postgres.owed.flatMap(({ commitLsn, rows }) =>
      rows.map(({ id }, index) => recordText({ id, commitLsn: formatLsn(commitLsn), seq: index + 1 }))
    );
    const texts = this.#kafka.records.map(recordText);
    const found = this.#delivery === "exactly-once" ? texts : [...new Set(texts)];
    if (!this.#isDelivered) this.#world.violate(`only ${this.#postgres.confirmed} is confirmed in the end`);
    for (let index = 0; index < Math.max(expected.length, found.length); index++) {
      if (expected[index] === found[index]) continue;
      return this.#world.violate(`record ${index} is ${found[index]}, and should be ${expected[index]}`);
    }
  }
}

function recordText({ id, commitLsn, seq }: Omit<SimulatedRecord, "envelope">): string {
  return `${commitLsn}#${seq} id ${id}`;
}
