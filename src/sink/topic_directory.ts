// The topics that are written: how many partitions they have, who leads them; missing ones are made.

import { CaptureError } from "../errors.ts";
import type { Route } from "../pipeline/ports.ts";
import { brokerError } from "./broker_error.ts";
import type { Cluster } from "./cluster.ts";
import { growingPauses, pause } from "./wait.ts";
import { createTopics } from "./wire/apis/create_topics.ts";
import { listOffsets } from "./wire/apis/list_offsets.ts";
import type { TopicMetadata } from "./wire/apis/metadata.ts";
import { malformed } from "./wire/buffer_reader.ts";
import { ErrorCode } from "./wire/error_codes.ts";

/** How a missing topic is made. */
export interface TopicSettings {
  /** Absent: the broker's default. */
  readonly partitions?: number | undefined;
  readonly replicationFactor?: number | undefined;
  readonly configs: readonly (readonly [name: string, value: string])[];
}

/** A topic and the ids of the brokers that lead its partitions. */
export interface TopicRoute extends Route {
  readonly leaders: readonly number[];
}

/** A route is looked up once: when leaders or partitions change, writing fails and the sink is made anew. */
export class TopicDirectory {
  readonly #cluster: Cluster;
  readonly #routes = new Map<string, TopicRoute>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * Finds the topic or makes it, and waits until all its partitions have leaders.
   * @throws CaptureError `kafka-refused` when it may not be read or made, `kafka-unavailable` when it stays without leaders
   */
  async findOrMake(topic: string, settings: TopicSettings, signal: AbortSignal): Promise<TopicRoute> {
    return await this.#look(topic, settings, signal) ?? fail(topic, "it is not there after it was made");
  }

  /** Finds the topic; null when it does not exist. */
  find(topic: string, signal: AbortSignal): Promise<TopicRoute | null> {
    return this.#look(topic, null, signal);
  }

  /** Id of the broker that leads the partition of a topic that was found. */
  leader(topic: string, partition: number): number {
    return this.#routes.get(topic)?.leaders[partition] ??
      fail(topic, `partition ${partition} was never looked up`);
  }

  async #look(
    topic: string,
    settings: TopicSettings | null,
    signal: AbortSignal,
  ): Promise<TopicRoute | null> {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    let isFresh = false;
    for (const pauseMs of growingPauses(FIRST_PAUSE_MS, PAUSE_MS_MAX, WAIT_MS_MAX)) {
      const found = await this.#ask(topic, signal);
      const leaders = leadersOf(found);
      if (leaders !== null && (!isFresh || await this.#areReady(topic, leaders, signal))) {
        const route = { topic, partitions: leaders.length, leaders };
        this.#routes.set(topic, route);
        return route;
      }
      if (found.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) {
        if (settings === null) return null;
        // Again in each round: it "already exists" while its predecessor is being deleted.
        await this.#make(topic, settings, signal);
        isFresh = true;
      }
      await pause(pauseMs, signal);
    }
    return fail(topic, `not all of its partitions have a leader after ${WAIT_MS_MAX / 1000} s`);
  }

  /** A broker may be named as a leader a moment before it knows that it is. */
  async #areReady(topic: string, leaders: readonly number[], signal: AbortSignal): Promise<boolean> {
    const answers = await Promise.all(leaders.map(async (leaderId, partition) => {
      const leader = await this.#cluster.broker(leaderId, signal);
      return await leader.request(listOffsets, { topic, partition, position: "high-watermark" }, signal);
    }));
    return answers.every(({ errorCode }) => errorCode === ErrorCode.NONE);
  }

  async #ask(topic: string, signal: AbortSignal): Promise<TopicMetadata> {
    const found = (await this.#cluster.metadata([topic], signal)).find((candidate) =>
      candidate.topic === topic
    );
    if (found === undefined) throw malformed("metadata without the topic that was asked for");
    switch (found.errorCode) {
      case ErrorCode.NONE:
      case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
      case ErrorCode.LEADER_NOT_AVAILABLE:
        return found;
      default:
        throw brokerError({
          action: `look up topic "${topic}"`,
          rule: `--operation Describe --operation Write --topic "${topic}"`,
          otherwise: "kafka-unavailable",
        }, found.errorCode);
    }
  }

  /** Asks for it; whether it is there then, metadata will say. */
  async #make(topic: string, settings: TopicSettings, signal: AbortSignal): Promise<void> {
    const controller = await this.#cluster.controller(signal);
    const { errorCode, errorMessage } = await controller.request(createTopics, {
      topic,
      partitions: settings.partitions ?? BROKERS_DEFAULT,
      replicationFactor: settings.replicationFactor ?? BROKERS_DEFAULT,
      configs: settings.configs,
      timeoutMs: CREATE_TIMEOUT_MS,
    }, signal);
    switch (errorCode) {
      case ErrorCode.NONE:
      case ErrorCode.TOPIC_ALREADY_EXISTS:
      case ErrorCode.NOT_CONTROLLER:
      case ErrorCode.REQUEST_TIMED_OUT:
      case ErrorCode.THROTTLING_QUOTA_EXCEEDED:
        return;
      default:
        throw brokerError({
          action: `make topic "${topic}"${errorMessage === null ? "" : ` (${errorMessage})`}`,
          rule: `--operation Create --operation Describe --operation Write --topic "${topic}"`,
          otherwise: "kafka-unavailable",
        }, errorCode);
    }
  }
}

const BROKERS_DEFAULT = -1;
const CREATE_TIMEOUT_MS = 15_000;
const FIRST_PAUSE_MS = 10;
const PAUSE_MS_MAX = 500;
const WAIT_MS_MAX = 30_000;

/** Leaders by partition, or null while one is missing. */
function leadersOf({ errorCode, partitions }: TopicMetadata): readonly number[] | null {
  if (errorCode !== ErrorCode.NONE || partitions.length === 0) return null;
  const leaders = new Array<number>(partitions.length).fill(-1);
  for (const { partition, leaderId } of partitions) {
    if (partition < 0 || partition >= leaders.length) {
      throw malformed(`partition ${partition} of ${leaders.length}`);
    }
    leaders[partition] = leaderId;
  }
  return leaders.every((leader) => leader >= 0) ? leaders : null;
}

function fail(topic: string, found: string): never {
  throw new CaptureError("kafka-unavailable", `Cannot use topic "${topic}": ${found}`);
}
