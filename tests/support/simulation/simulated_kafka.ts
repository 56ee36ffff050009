// Kafka in a simulation: transactions that are committed, aborted, or decided after their client has given
// up.

import type { EncodedRecord } from "../../../src/core/encoded_record.ts";
import { CaptureError } from "../../../src/core/errors.ts";
import type { Lsn, Progress } from "../../../src/core/position.ts";
import type { SnapshotNotes, SnapshotRequest, SnapshotState } from "../../../src/core/snapshot_state.ts";
import { TopicConflict } from "../../../src/core/topic_conflict.ts";
import type { Batch, DeliveryGuarantee, Route, Sink } from "../../../src/pipeline/ports.ts";
import type { SimulatedProcess } from "./simulated_process.ts";
import type { SimulatedWorld } from "./simulated_world.ts";

/** A record that read-committed consumers see. */
export interface SimulatedRecord {
  readonly id: number;
  readonly commitLsn: string;
  readonly seq: number;
  readonly envelope: Envelope;
}

/** What the native format says. */
export interface Envelope {
  readonly table: string;
  readonly op: string;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly source: {
    readonly commit_lsn: string;
    readonly tx_seq: number;
    readonly snapshot?: string;
    readonly unchanged?: readonly string[];
    readonly key_change?: true;
  };
}

export class SimulatedKafka {
  readonly #world: SimulatedWorld;
  readonly #delivery: DeliveryGuarantee;
  readonly records: SimulatedRecord[] = [];
  /** Called when read-committed consumers see more. */
  onCommit: (() => void) | undefined;
  /** The states of snapshots, by table. */
  readonly states = new Map<string, SnapshotState>();
  /** By table: how many records there were when its snapshot was complete. */
  readonly completeAt = new Map<string, number>();
  #holdsUnshown = false;
  /** The control topic. */
  readonly #requests: SnapshotRequest[] = [];
  #requestsTaken: bigint | null = null;
  /** A topic that Kafka does not create for now. */
  refusedTopic: string | undefined;
  #progress: Progress | null = null;
  #epoch = 0;
  /** A commit that was requested and has no answer yet. */
  #undecided: (() => void) | undefined;

  constructor(world: SimulatedWorld, delivery: DeliveryGuarantee) {
    this.#world = world;
    this.#delivery = delivery;
  }

  /** The end of what is delivered; 0 if nothing is. */
  get deliveredEnd(): Lsn {
    return this.#progress?.position.endLsn ?? 0n;
  }

  /** Somebody asks for something. */
  ask(request: SnapshotRequest): void {
    this.#requests.push(request);
  }

  async probe(process: SimulatedProcess, signal: AbortSignal): Promise<Progress | null> {
    await this.#answer(process, signal);
    return this.#visibleProgress;
  }

  sink(process: SimulatedProcess): Sink {
    let epoch = 0;
    const pending: SimulatedRecord[] = [];
    return {
      open: async (signal) => {
        await this.#answer(process, signal);
        epoch = ++this.#epoch;
        this.#decide();
        await this.#answer(process, signal);
        return this.#visibleProgress;
      },
      route: async (topic, signal) => {
        await this.#answer(process, signal);
        if (topic === this.refusedTopic) throw new TopicConflict(topic, "it collides", []);
        return { topic, partitions: 1 };
      },
      refreshRoutes: () => Promise.resolve(false),
      readSnapshots: async (signal) => {
        await this.#answer(process, signal);
        return {
          states: [...this.states.values()],
          requestsTaken: this.#requestsTaken,
          holdsUnshown: this.#holdsUnshown,
        };
      },
      readRequests: async (from, signal) => {
        await this.#answer(process, signal);
        const requests = this.#requests.map((request, index) => ({
          offset: BigInt(index),
          timeMs: 0,
          request,
          problem: undefined,
        }));
        return requests.slice(Number(from ?? 0n));
      },
      createBatch: () => new RecordBatch(),
      send: async (batch, signal) => {
        await this.#answer(process, signal);
        const { records } = batch as RecordBatch;
        if (this.#delivery === "at-least-once") this.records.push(...records);
        else pending.push(...records);
      },
      write: async (batch, progress, signal, notes) => {
        if (epoch !== this.#epoch) throw new CaptureError("fenced", "A newer instance took over");
        const records = [...pending.splice(0), ...(batch as RecordBatch).records];
        await this.#commit(process, records, progress, notes, signal);
      },
      close: () => {},
    };
  }

  get #visibleProgress(): Progress | null {
    return this.#delivery === "exactly-once" ? this.#progress : null;
  }

  async #answer(process: SimulatedProcess, signal: AbortSignal): Promise<void> {
    await this.#world.latency(process, signal);
    if (this.#world.fault(0.01)) throw new CaptureError("kafka-unavailable", "Cannot connect");
  }

  async #commit(
    process: SimulatedProcess,
    records: readonly SimulatedRecord[],
    progress: Progress,
    notes: SnapshotNotes | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const commit = () => {
      this.records.push(...records);
      this.#progress = progress;
      for (const state of notes?.states ?? []) {
        this.states.set(state.table, state);
        if (state.status === "complete") this.completeAt.set(state.table, this.records.length);
      }
      this.onCommit?.();
      this.#requestsTaken = notes?.requestsTaken ?? this.#requestsTaken;
      this.#holdsUnshown = notes?.holdsUnshown ?? this.#holdsUnshown;
    };
    // From here on the request may be with the broker, whatever happens to the client.
    this.#undecided = commit;
    await this.#world.latency(process, signal);
    if (this.#world.fault(0.02)) throw new CaptureError("kafka-unclear", "The commit was not answered");
    if (this.#undecided !== commit) throw new CaptureError("fenced", "A newer instance took over");
    this.#undecided = undefined;
    commit();
    if (this.#world.fault(0.02)) throw new CaptureError("kafka-unclear", "The answer was lost");
    await this.#world.latency(process, signal, 5);
  }

  /** The next producer's epoch ends the transaction: it was committed before, or it is aborted. */
  #decide(): void {
    const undecided = this.#undecided;
    this.#undecided = undefined;
    if (undecided !== undefined && this.#world.random.chance(0.5)) undecided();
  }
}

class RecordBatch implements Batch {
  readonly records: SimulatedRecord[] = [];
  bytes = 0;

  get count(): number {
    return this.records.length;
  }

  fits(): boolean {
    return true;
  }

  append(_route: Route, { bytes, keyEnd, valueEnd }: EncodedRecord): void {
    const value = new TextDecoder().decode(bytes.subarray(Math.max(0, keyEnd), valueEnd));
    const envelope: Envelope = JSON.parse(value);
    const { after, source: { commit_lsn: commitLsn, tx_seq: seq } } = envelope;
    this.records.push({ id: Number(after?.id), commitLsn, seq, envelope });
    this.bytes += value.length;
  }

  clear(): void {
    this.records.length = 0;
    this.bytes = 0;
  }
}
