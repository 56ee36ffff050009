// Fakes of the pipeline's ports, which write down what was asked of them and in what order.

import { ChangeDecoder } from "../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../src/decoder/formats/native/native_format.ts";
import type { MessageBytes } from "../../src/decoder/pgoutput/message_bytes.ts";
import { publishTo } from "../../src/pipeline/events.ts";
import { formatLsn, type Lsn, type Progress } from "../../src/core/position.ts";
import type { EncodedRecord } from "../../src/core/encoded_record.ts";
import type {
  Batch,
  Checkpoint,
  CheckpointStore,
  PublishedTable,
  RelationDetails,
  ReplicationSource,
  ReplicationStream,
  Route,
  Sink,
  SourceSession,
  TimelineSwitch,
} from "../../src/pipeline/ports.ts";
import type { IntakeSnapshots } from "../../src/pipeline/intake.ts";
import type { SnapshotReader } from "../../src/pipeline/snapshot_ports.ts";
import type { CaptureParts, CaptureSettings } from "../../src/pipeline/capture_parts.ts";
import type { RelationHistory } from "../../src/pipeline/relation_store.ts";
import { TopicConflict } from "../../src/core/topic_conflict.ts";
import type { CaptureError } from "../../src/core/errors.ts";
import { SimulatedClock } from "./simulated_clock.ts";

/** What a fake stream sends: a message, a keepalive, or the end of the connection. */
export type Sent =
  | MessageBytes
  | { readonly keepalive: Lsn; readonly replyRequested?: boolean }
  | { readonly error: Error };

/** One fake world: what happens in it stands in `events`, oldest first. */
export class FakeWorld {
  readonly clock = new SimulatedClock();
  readonly events: string[] = [];
  readonly delivered: string[] = [];
  slotExists = true;
  slotConfirmed: Lsn = 100n;
  /** The process that holds the slot, or null. */
  slotHolder: number | null = null;
  walEnd: Lsn = 1_000_000n;
  timeline = 1;
  timelineHistory: readonly TimelineSwitch[] = [];
  /** What the WAL holds: each stream begins with it. */
  readonly wal: Sent[] = [];
  /** Topics that Kafka refuses to create. */
  readonly refusedTopics = new Set<string>();
  /** Thrown, or warned of, when a session begins. */
  topicConflicts: readonly CaptureError[] = [];
  progress: Progress | null = null;
  /** What the catalog says now. */
  catalog: (relationId: number, typeOids: readonly number[]) => Omit<RelationDetails, "asOf"> = () => NO_KEY;
  /** What is kept of relations. */
  readonly relations = new Map<number, RelationHistory>();
  checkpoint: Checkpoint | null = null;
  /** Happens while a probe waits for Kafka's answer, which tells what was there before. */
  onProbe: (() => void | Promise<void>) | undefined;
  /** Thrown by each probe, if set. */
  probeError: Error | undefined;
  /** Happens before a slot is created; one that exists by then is another instance's. */
  onCreateSlot: (() => void) | undefined;
  isStandby = false;
  publishedTables: readonly PublishedTable[] = [];
  /** Thrown by the next `write`, if set. */
  writeError: Error | undefined;
  /** Awaited by each `write`, if set. */
  writeGate: Promise<void> | undefined;
  /** Awaited by each `save`, if set. */
  saveGate: Promise<void> | undefined;
  /** Thrown by the next `save`, if set. */
  saveError: Error | undefined;
  walSenderTimeoutMs = 60_000;
  readonly #waiting: Sent[] = [];
  #wake: (() => void) | undefined;

  /** Sends messages down the stream. */
  send(...messages: readonly Sent[]): void {
    this.#waiting.push(...messages);
    this.#wake?.();
  }

  /**
   * Advances the clock until the event is there, the `count`-th of its kind.
   * @throws Error if it is not within `msMax`
   */
  async until(event: string | RegExp, count = 1, msMax = 120_000): Promise<void> {
    const matches = (each: string) => typeof event === "string" ? each === event : event.test(each);
    await this.clock.until(
      () => this.events.filter(matches).length >= count,
      () => `${event} did not happen: ${this.events.join(", ")}`,
      msMax,
    );
  }

  /** The parts of a capture that lives in this world. */
  parts(): CaptureParts {
    return {
      source: this.#source(),
      createSink: () => this.#sink(),
      probeSink: async (_identity, topics) => {
        this.events.push(["probe sink", ...topics].join(" "));
        const { progress } = this;
        await this.onProbe?.();
        if (this.probeError !== undefined) throw this.probeError;
        return progress;
      },
      store: this.#store(),
      relations: {
        load: (_source, relationId) => Promise.resolve(this.relations.get(relationId) ?? []),
        save: (_source, relationId, history) => {
          this.relations.set(relationId, history);
          return Promise.resolve();
        },
      },
      createFormat: () => new NativeFormat("0", "shop"),
      createDecoder: () => new ChangeDecoder({ format: new NativeFormat("0", "shop"), tombstones: false }),
      topicOf: (target) => typeof target === "string" ? target : `${target.schema}.${target.table}`,
      topicConflicts: () => this.topicConflicts,
      events: publishTo([]),
      clock: this.clock,
    };
  }

  #source(): ReplicationSource {
    return { connect: () => Promise.resolve(this.#session()) };
  }

  #session(): SourceSession {
    return {
      server: {
        systemIdentifier: "7300",
        timeline: this.timeline,
        isStandby: this.isStandby,
        versionNumber: 170_000,
        walSenderTimeoutMs: this.walSenderTimeoutMs,
      },
      publishedTables: this.publishedTables,
      warnings: [],
      publicationChange: null,
      ...NO_READER,
      managePublication: () => Promise.resolve(null),
      slot: () =>
        Promise.resolve(
          this.slotExists
            ? { confirmedFlushLsn: this.slotConfirmed, activePid: this.slotHolder, walEnd: this.walEnd }
            : null,
        ),
      slotBlockers: () => Promise.resolve([]),
      createSlot: () => {
        this.onCreateSlot?.();
        if (this.slotExists) return Promise.resolve(null);
        this.events.push("create slot");
        this.slotExists = true;
        return Promise.resolve(this.slotConfirmed);
      },
      start: () => {
        this.events.push("start replication");
        this.send(...this.wal);
        return Promise.resolve(this.#stream());
      },
      readWal: () =>
        Promise.resolve({
          end: this.walEnd,
          keptFrom: null,
          status: null,
          bytesLeft: null,
          visibility: null,
        }),
      readTypesChange: () => Promise.resolve(null),
      timelineHistory: () => Promise.resolve(this.timelineHistory),
      describeRelation: (relationId, typeOids) => {
        this.events.push(`describe ${relationId}`);
        return Promise.resolve({ ...this.catalog(relationId, typeOids), asOf: this.walEnd });
      },
      close: () => this.events.push("close source"),
    };
  }

  #stream(): ReplicationStream {
    const read: Sent[] = [];
    let lastEnd: Lsn | undefined;
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
        if ("keepalive" in sent) lastEnd = sent.keepalive;
        Object.assign(
          stream,
          "keepalive" in sent
            ? { walEnd: sent.keepalive, replyRequested: sent.replyRequested ?? false }
            : sent,
        );
        return "keepalive" in sent ? "keepalive" as const : "xlog-data" as const;
      },
      fill: async (signal: AbortSignal) => {
        signal.throwIfAborted();
        if (this.#waiting.length === 0) {
          const waiting = Promise.withResolvers<void>();
          this.#wake = waiting.resolve;
          signal.addEventListener("abort", () => waiting.reject(signal.reason), { once: true });
          await waiting.promise;
        }
        read.push(...this.#waiting.splice(0));
      },
      confirm: (_received: Lsn, flushed: Lsn) => {
        this.events.push(`confirm ${formatLsn(flushed)}`);
        // A status update asks for an answer.
        if (lastEnd !== undefined) this.send({ keepalive: lastEnd });
        return Promise.resolve();
      },
      finish: (_received: Lsn, flushed: Lsn) => {
        this.events.push(`finish ${formatLsn(flushed)}`);
        return Promise.resolve();
      },
      close: () => {},
    };
    return stream;
  }

  #sink(): Sink {
    // A transaction that is not ended is nobody's: the next sink begins with none.
    const sent: string[] = [];
    return {
      open: () => {
        this.events.push("open sink");
        return Promise.resolve(this.progress);
      },
      route: (topic) => {
        this.events.push(`route ${topic}`);
        return this.refusedTopics.has(topic)
          ? Promise.reject(new TopicConflict(topic, "Kafka can't tell it from another", []))
          : Promise.resolve({ topic, partitions: 1 });
      },
      refreshRoutes: () => Promise.resolve(false),
      readSnapshots: () => Promise.resolve({ states: [], requestsTaken: null }),
      readRequests: () => Promise.resolve([]),
      createBatch: () => new TextBatch(),
      send: (batch) => {
        this.events.push(`send ${batch.count}`);
        sent.push(...(batch as TextBatch).values);
        return Promise.resolve();
      },
      write: async (batch, progress, signal) => {
        await Promise.race([this.writeGate, abortOf(signal)]);
        if (this.writeError !== undefined) throw this.writeError;
        const { commitLsn, seq, endLsn } = progress.position;
        this.events.push(
          `write ${batch.count} up to ${formatLsn(commitLsn)}#${seq} end ${formatLsn(endLsn)}`,
        );
        this.delivered.push(...sent.splice(0), ...(batch as TextBatch).values);
        this.progress = progress;
      },
      close: () => this.events.push("close sink"),
    };
  }

  #store(): CheckpointStore {
    return {
      load: () => Promise.resolve(this.checkpoint),
      save: async (checkpoint) => {
        await this.saveGate;
        if (this.saveError !== undefined) throw this.saveError;
        this.events.push(`save ${formatLsn(checkpoint.progress.position.endLsn)}`);
        this.checkpoint = checkpoint;
      },
      close: () => {},
    };
  }
}

/** The catalog's answer for a table of PostgreSQL's own types without a key. */
export const NO_KEY: Omit<RelationDetails, "asOf"> = {
  exists: true,
  primaryKey: null,
  primaryKeyXid: undefined,
  types: new Map(),
  typesXid: undefined,
};

/** No table is read. */
export const NO_SNAPSHOTS: CaptureSettings["snapshot"] = {
  mode: "never",
  includes: () => false,
  matches: () => false,
  readers: 1,
  rowsPerSecond: undefined,
};

/** What a session answers where nothing is asked of it about snapshots. */
export const NO_READER = {
  publishedNow: () => Promise.resolve([]),
  advanceWal: () => Promise.resolve(0n),
  openSnapshotReader: (): SnapshotReader => {
    const unread = () => Promise.reject(new Error("no table is read"));
    return {
      describe: unread,
      readChunk: unread,
      lock: unread,
      readWhole: unread,
      unlock: unread,
      close: () => {},
    };
  },
};

/** What intake is given where no table is read. */
export const NO_SNAPSHOT_HOOKS: IntakeSnapshots = {
  isDue: false,
  isWaiting: false,
  begin: () => undefined,
  changed: () => {},
  described: () => {},
  send: () => Promise.resolve(),
  wait: () => Promise.resolve(),
};

/** Settings under which a transaction is sent as soon as it is whole. */
export const FAKE_SETTINGS: CaptureSettings = {
  database: "shop",
  slot: "orders",
  publication: "shop",
  delivery: "exactly-once",
  limits: { lingerMs: 5, enoughBytes: 1e6, bufferBytesMax: 1e6, bufferRecordsMax: 1000, idleProgressMs: 50 },
  batchBytesMax: 1e6,
  oversize: "stop",
  keepaliveIntervalMs: 10_000,
  pollIntervalMs: 5,
  snapshot: NO_SNAPSHOTS,
};

class TextBatch implements Batch {
  readonly values: string[] = [];
  bytes = 0;

  get count(): number {
    return this.values.length;
  }

  fits(): boolean {
    return true;
  }

  append(_route: Route, record: EncodedRecord): void {
    if (record.valueEnd < 0) {
      this.values.push("tombstone");
      return;
    }
    const value = new TextDecoder().decode(
      record.bytes.subarray(Math.max(0, record.keyEnd), record.valueEnd),
    );
    this.values.push(value);
    this.bytes += value.length;
  }

  clear(): void {
    this.values.length = 0;
    this.bytes = 0;
  }
}

/** Rejects when the signal aborts; without a gate the race is over before. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}
