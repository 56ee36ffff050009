// Reads the control topic: requests of operators, from an offset on.

import { CaptureError } from "../core/errors.ts";
import type { ReceivedRequest } from "../core/snapshot_state.ts";
import type { Cluster } from "./cluster.ts";
import type { KafkaSinkOptions } from "./options.ts";
import { PartitionLog } from "./partition_log.ts";
import { encodeProgressKey } from "./progress_record.ts";
import { requestsIn } from "./received_requests.ts";
import { isThere } from "./snapshot_store.ts";
import type { TopicDirectory } from "./topic_directory.ts";
import { controlTopic } from "./topics.ts";
import { ErrorCode } from "./wire/error_codes.ts";

/** The control topic, which may not exist. */
export class RequestLog {
  readonly #cluster: Cluster;
  readonly #directory: TopicDirectory;
  readonly #topic: string;
  readonly #isNeeded: boolean;
  readonly #key: Uint8Array;

  constructor(
    cluster: Cluster,
    directory: TopicDirectory,
    { prefix, identity, usesSnapshots }: Pick<KafkaSinkOptions, "prefix" | "identity" | "usesSnapshots">,
  ) {
    this.#cluster = cluster;
    this.#directory = directory;
    this.#topic = controlTopic(prefix);
    this.#isNeeded = usesSnapshots ?? false;
    this.#key = encodeProgressKey(identity);
  }

  /**
   * Reads requests from an offset on, as `requestsIn` returns them; none if the topic does not exist.
   * @param from null, or an offset that the log does not have, to start at the oldest available one
   * @throws CaptureError, which does not affect deliveries: the next call may succeed
   */
  async read(from: bigint | null, signal: AbortSignal): Promise<readonly ReceivedRequest[]> {
    try {
      return await this.#read(from, signal);
    } catch (error) {
      // Another broker may lead it by now, or the topic may be gone.
      this.#directory.forget(this.#topic);
      if (error instanceof CaptureError && error.kind === "topic-missing") return [];
      throw error;
    }
  }

  async #read(from: bigint | null, signal: AbortSignal): Promise<readonly ReceivedRequest[]> {
    if (!await isThere(this.#directory, this.#topic, this.#isNeeded, signal)) return [];
    const log = new PartitionLog(this.#cluster, this.#directory, this.#topic, signal);
    let offset = from ?? await log.start();
    let response = await log.fetch(offset);
    if (response.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      // Retention has removed the records, or the topic was created again.
      offset = await log.start();
      response = await log.fetch(offset);
    }
    log.check(response.errorCode);
    return await requestsIn(response, offset, this.#key);
  }
}
