// The operator's side of snapshots: sends requests and reads states.

import type { HostPort } from "../core/address.ts";
import { CaptureError } from "../core/errors.ts";
import type { SourceIdentity } from "../core/position.ts";
import type { SnapshotLedger, SnapshotRequest } from "../core/snapshot_state.ts";
import type { DeliveryGuarantee } from "../pipeline/ports.ts";
import { missingAcls, notAllowed } from "./acl_probe.ts";
import { ArenaPool } from "./arena_pool.ts";
import { brokerError } from "./broker_error.ts";
import { Cluster } from "./cluster.ts";
import { connectToLeaders } from "./leaders.ts";
import { ownRecord } from "./own_record.ts";
import { PartitionLog } from "./partition_log.ts";
import { encodeProgressKey } from "./progress_record.ts";
import { RecordBatch } from "./record_batch.ts";
import { SnapshotReader } from "./snapshot_reader.ts";
import { encodeRequest } from "./snapshot_request.ts";
import { NO_SNAPSHOTS } from "./snapshot_store.ts";
import { TopicDirectory } from "./topic_directory.ts";
import { controlTopic, controlTopicSettings, snapshotTopic, snapshotTopics } from "./topics.ts";
import { produce } from "./wire/apis/produce.ts";
import { ErrorCode } from "./wire/error_codes.ts";
import type { KafkaSecurity } from "./wire/security.ts";

export interface SnapshotClientOptions {
  readonly brokers: readonly HostPort[];
  readonly security: KafkaSecurity;
  /** Prefix of topic names. */
  readonly prefix: string;
  readonly identity: SourceIdentity;
  readonly delivery: DeliveryGuarantee;
  /** Used if the control topic is created here. Absent: the broker's default. */
  readonly topicReplicationFactor?: number | undefined;
}

/** A client for the snapshots of one source. Disposing of it closes its connections. */
export class SnapshotClient implements Disposable {
  readonly #options: SnapshotClientOptions;
  readonly #cluster: Cluster;
  readonly #directory: TopicDirectory;
  #reader: SnapshotReader | undefined;

  constructor(options: SnapshotClientOptions) {
    this.#options = options;
    this.#cluster = new Cluster(options.brokers, { clientId: "pg-capture", security: options.security });
    this.#directory = new TopicDirectory(this.#cluster);
  }

  /**
   * Sends a request. Creates the control topic if it does not exist.
   *
   * An instance of pg-capture has the same login. So this reports the rights that the instance would lack,
   * and does not send a request that it could not read.
   * @param nowMs milliseconds since 1970
   * @returns the request's offset
   * @throws CaptureError
   */
  async send(request: SnapshotRequest, nowMs: number, signal: AbortSignal): Promise<bigint> {
    const { prefix, identity } = this.#options;
    const topic = controlTopic(prefix);
    await this.#requirePermissions(snapshotTopics(prefix), signal);
    await this.#directory.findOrCreate(topic, controlTopicSettings(this.#options), signal);
    const batch = new RecordBatch(topic, 0, new ArenaPool(0));
    batch.append(ownRecord(encodeProgressKey(identity), encodeRequest(request)), nowMs);
    return await this.#produce(batch, signal);
  }

  /**
   * Reads the delivered states of the source's snapshots. A second call reads only what was added.
   * @throws CaptureError; the next call then starts over
   */
  async read(signal: AbortSignal): Promise<SnapshotLedger> {
    const topic = snapshotTopic(this.#options.prefix);
    try {
      if (await this.#directory.find(topic, signal) === null) return NO_SNAPSHOTS;
      return await this.#readerOf(topic, signal).read();
    } catch (error) {
      this.#reader = undefined;
      this.#directory.forget(topic);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#cluster.close();
  }

  #readerOf(topic: string, signal: AbortSignal): SnapshotReader {
    if (this.#reader !== undefined) return this.#reader;
    const { identity, delivery } = this.#options;
    const log = new PartitionLog(this.#cluster, this.#directory, topic, signal);
    return this.#reader = new SnapshotReader(log, identity, { delivery, undecided: "ignore" });
  }

  async #requirePermissions(topics: readonly string[], signal: AbortSignal): Promise<void> {
    const wanted = { topics, readTopics: topics, transactionalId: null };
    const missing = await missingAcls(this.#cluster, wanted, signal);
    if (missing.length > 0) throw notAllowed("send a request to pg-capture through Kafka", missing);
  }

  async #produce(batch: RecordBatch, signal: AbortSignal): Promise<bigint> {
    const { topic, partition } = batch;
    const records = batch.finish(PLAIN, null);
    const [led] = await connectToLeaders(this.#cluster, this.#directory, [{ topic, partition }], signal);
    if (led === undefined) throw new Error("one partition has one leader");
    const topics = [{ topic, partitions: [{ partition, records }] }];
    const request = { transactionalId: null, acks: -1, timeoutMs: TIMEOUT_MS, topics } as const;
    const [result] = await orUnknown(led.leader.request(produce, request, signal));
    if (result?.errorCode === ErrorCode.NONE) return result.baseOffset;
    throw brokerError({
      action: `send a request to topic "${topic}"`,
      rule: `--operation Write --topic "${topic}"`,
      topic,
      otherwise: "kafka-unclear",
    }, result?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR);
  }
}

const PLAIN = { producerId: -1n, producerEpoch: -1, baseSequence: -1, isTransactional: false };
const TIMEOUT_MS = 15_000;

async function orUnknown<Response>(response: Promise<Response>): Promise<Response> {
  try {
    return await response;
  } catch (error) {
    if (!(error instanceof CaptureError) || error.kind !== "kafka-unavailable") throw error;
    throw new CaptureError("kafka-unclear", `Cannot tell whether the request was sent: ${error.message}`, {
      cause: error,
      hint:
        "look at the snapshots with `pg-capture snapshot --list`, and send the request again if it is missing",
    });
  }
}
