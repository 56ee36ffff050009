// The log of one of pg-capture's own topics, read from the broker that leads its partition.

import { brokerError } from "./broker_error.ts";
import { CaptureError } from "../core/errors.ts";
import { delay } from "../core/wait.ts";
import type { Cluster } from "./cluster.ts";
import type { ReadableLog } from "./committed_records.ts";
import { connectToLeaders, leadershipMove } from "./leaders.ts";
import type { TopicDirectory } from "./topic_directory.ts";
import { unlessMoved } from "./moved.ts";
import { exponentialBackoff } from "./backoff.ts";
import { fetch, type FetchResponse } from "./wire/apis/fetch.ts";
import type { Connection } from "./wire/connection.ts";
import { listOffsets, type ListOffsetsRequest } from "./wire/apis/list_offsets.ts";

const PARTITION = 0;
const FETCH_BYTES_MAX = 1024 * 1024;

/** Partition 0 of a topic. Each method may throw a CaptureError. */
export class PartitionLog implements ReadableLog {
  readonly topic: string;
  readonly partition = PARTITION;
  readonly #cluster: Cluster;
  readonly #directory: TopicDirectory;
  readonly #signal: AbortSignal;
  #end = 0n;

  /** @param topic known to the directory */
  constructor(cluster: Cluster, directory: TopicDirectory, topic: string, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#directory = directory;
    this.topic = topic;
    this.#signal = signal;
  }

  /** Reads even an empty log: otherwise only the second start would report a missing ACL. */
  async requireReadable(): Promise<void> {
    await this.read(await this.end());
  }

  start(): Promise<bigint> {
    return this.#offset("start");
  }

  async end(): Promise<bigint> {
    return this.#end = await this.#offset("high-watermark");
  }

  /**
   * A response without records is the end only if the high watermark confirms it: the broker may throttle.
   */
  async read(offset: bigint): Promise<Uint8Array> {
    for (const pauseMs of exponentialBackoff(10, 1_000, 10_000)) {
      const response = await this.fetch(offset);
      this.check(response.errorCode);
      if (response.records.length > 0 || response.highWatermark >= this.#end) return response.records;
      await delay(pauseMs, this.#signal);
    }
    throw new CaptureError(
      "kafka-unavailable",
      `Cannot read topic "${this.topic}": the broker returns no records from offset ${offset} on, ` +
        `although the log ends at ${this.#end}`,
    );
  }

  /** One part of the log, with the broker's error code. */
  async fetch(offset: bigint): Promise<FetchResponse> {
    const leader = await this.#leader();
    const request = { topic: this.topic, partition: PARTITION, offset, bytesMax: FETCH_BYTES_MAX };
    return await this.#unlessMoved(leader.request(fetch, request, this.#signal));
  }

  /** @throws CaptureError for any error code */
  check(errorCode: number): void {
    if (errorCode === 0) return;
    throw brokerError({
      action: `read topic "${this.topic}"`,
      rule: `--operation Read --topic "${this.topic}"`,
      otherwise: "kafka-unavailable",
    }, errorCode);
  }

  async #offset(position: ListOffsetsRequest["position"]): Promise<bigint> {
    const leader = await this.#leader();
    const request = { topic: this.topic, partition: PARTITION, position };
    const { errorCode, offset } = await this.#unlessMoved(
      leader.request(listOffsets, request, this.#signal),
    );
    this.check(errorCode);
    return offset;
  }

  async #leader(): Promise<Connection> {
    const [led] = await connectToLeaders(this.#cluster, this.#directory, this.#partitions, this.#signal);
    if (led === undefined) throw new Error("one partition has one leader");
    return led.leader;
  }

  async #unlessMoved<Response>(request: Promise<Response>): Promise<Response> {
    return await unlessMoved(request, leadershipMove(this.#directory, this.#partitions), this.#signal);
  }

  get #partitions() {
    return [{ topic: this.topic, partition: PARTITION }];
  }
}
