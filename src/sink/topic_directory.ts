// The topics in use, their partitions and the partitions' leaders. Creates topics that do not exist.

import { CaptureError } from "../core/errors.ts";
import { delay } from "../core/wait.ts";
import type { Route } from "../pipeline/ports.ts";
import { brokerError } from "./broker_error.ts";
import type { Cluster } from "./cluster.ts";
import { distinguishable, topicCollision } from "./topic_collision.ts";
import { exponentialBackoff } from "./backoff.ts";
import { BROKER_DEFAULT, type CreatedTopic, createTopics } from "./wire/apis/create_topics.ts";
import { listOffsets } from "./wire/apis/list_offsets.ts";
import type { TopicMetadata } from "./wire/apis/metadata.ts";
import { Connection } from "./wire/connection.ts";
import { malformed } from "./wire/buffer_reader.ts";
import { ErrorCode } from "./wire/error_codes.ts";

/** How to create a missing topic. */
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

/** Caches the topics in use. `refresh` looks up new leaders and added partitions. */
export class TopicDirectory {
  readonly #cluster: Cluster;
  readonly #routes = new Map<string, TopicRoute>();
  /** Topics created here that may not be ready yet. */
  readonly #fresh = new Set<string>();
  /** Whether partitions were added since the last call of `refreshAll`. */
  #hasMorePartitions = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * Finds the topic or creates it, and waits until all its partitions have leaders.
   * @param soon topics that will be needed next. They are looked up and created in the same requests, which
   *   take no longer than for one topic. Errors with them are ignored until they are asked for
   * @throws CaptureError `kafka-refused` if it may not be read or created, `topic-conflict` if Kafka does not
   *   distinguish it from an existing one, `kafka-unavailable` if it stays without leaders
   */
  async findOrCreate(
    topic: string,
    settings: TopicSettings,
    signal: AbortSignal,
    soon: readonly string[] = [],
  ): Promise<TopicRoute> {
    return await this.#lookUp(topic, settings, signal, soon) ??
      fail(topic, "it does not exist after it was created");
  }

  /**
   * Checks that a missing topic could be created, without creating it.
   * @throws CaptureError as `findOrCreate` does
   */
  async validateCreation(topic: string, settings: TopicSettings, signal: AbortSignal): Promise<void> {
    await this.#requestTopics(topic, [topic], settings, true, signal);
  }

  /**
   * Finds the topic; null when it does not exist.
   * @param soon topics that are looked up in the same request; errors with them are ignored
   */
  find(topic: string, signal: AbortSignal, soon: readonly string[] = []): Promise<TopicRoute | null> {
    return this.#lookUp(topic, null, signal, soon);
  }

  /** Lets the next call look the topic up again. */
  forget(topic: string): void {
    this.#routes.delete(topic);
  }

  /** Id of the broker that leads a partition of a known topic. */
  leader(topic: string, partition: number): number {
    return this.#routes.get(topic)?.leaders[partition] ??
      fail(topic, `partition ${partition} was never looked up`);
  }

  /**
   * Looks up the leaders of known topics, and the partitions added to them. A topic that is gone, or has
   * fewer partitions than before, stays unchanged here, so that writing to it fails with the broker's error.
   * @throws CaptureError
   */
  async refresh(topics: Iterable<string>, signal: AbortSignal): Promise<void> {
    const all = [...topics];
    for (let at = 0; at < all.length; at += REFRESHED_MAX) {
      for (const found of await this.#cluster.metadata(all.slice(at, at + REFRESHED_MAX), signal)) {
        await this.#update(found, signal);
      }
    }
  }

  /**
   * As `refresh`, for all known topics.
   * @returns whether partitions were added, as any lookup since the last call has found
   */
  async refreshAll(signal: AbortSignal): Promise<boolean> {
    await this.refresh(this.#routes.keys(), signal);
    const hasMore = this.#hasMorePartitions;
    this.#hasMorePartitions = false;
    return hasMore;
  }

  async #update(found: TopicMetadata, signal: AbortSignal): Promise<void> {
    const { topic } = found;
    const before = this.#routes.get(topic)?.partitions ?? 0;
    const leaders = leadersOf(found);
    if (leaders === null || leaders.length < before) return;
    const hasMore = leaders.length > before;
    if (hasMore && !await this.#areReady(topic, leaders, signal)) return;
    this.#routes.set(topic, { topic, partitions: leaders.length, leaders });
    if (hasMore) this.#hasMorePartitions = true;
  }

  async #lookUp(
    topic: string,
    settings: TopicSettings | null,
    signal: AbortSignal,
    soon: readonly string[],
  ): Promise<TopicRoute | null> {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    // Only the first of topics that Kafka does not distinguish: one request would create them all.
    const together = distinguishable([topic, ...soon.filter((each) => !this.#routes.has(each))]);
    const others = new Set(together.slice(1, 1 + SOON_MAX));
    for (const pauseMs of exponentialBackoff(FIRST_PAUSE_MS, PAUSE_MS_MAX, WAIT_MS_MAX)) {
      const found = await this.#cluster.metadata([topic, ...others], signal);
      const missing = found.filter(({ errorCode }) => errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        .map((each) => each.topic);
      await Promise.all(found.map((each) => this.#addIfReady(each, signal)));
      const route = this.#routes.get(topic);
      if (route !== undefined) return route;
      expectUsable(topic, found);
      if (settings === null && missing.includes(topic)) return null;
      // Again in each round: while a topic of the same name is being deleted, Kafka reports that it exists.
      if (settings !== null && missing.length > 0) await this.#create(topic, missing, settings, signal);
      for (const each of others) if (this.#routes.has(each)) others.delete(each);
      await delay(pauseMs, signal);
    }
    return fail(topic, `not all of its partitions have a leader after ${WAIT_MS_MAX / 1000} s`);
  }

  /** Adds the topic's route if the topic is ready. */
  async #addIfReady(found: TopicMetadata, signal: AbortSignal): Promise<void> {
    const { topic } = found;
    const leaders = leadersOf(found);
    if (leaders === null || this.#fresh.has(topic) && !await this.#areReady(topic, leaders, signal)) return;
    this.#fresh.delete(topic);
    this.#routes.set(topic, { topic, partitions: leaders.length, leaders });
  }

  /** Metadata may name a leader shortly before that broker knows that it leads. */
  async #areReady(topic: string, leaders: readonly number[], signal: AbortSignal): Promise<boolean> {
    const answers = await Promise.all(leaders.map(async (leaderId, partition) => {
      const leader = await this.#cluster.brokerWithin(leaderId, CONNECT_MS_MAX, signal);
      if (!(leader instanceof Connection)) return false;
      const request = { topic, partition, position: "high-watermark" } as const;
      return (await leader.request(listOffsets, request, signal)).errorCode === ErrorCode.NONE;
    }));
    return answers.every((isReady) => isReady);
  }

  /** Requests their creation. Metadata tells whether it succeeded. @throws CaptureError about `topic` only */
  async #create(
    topic: string,
    missing: readonly string[],
    settings: TopicSettings,
    signal: AbortSignal,
  ): Promise<void> {
    // Also if the request fails: it may have created some of them.
    for (const each of missing) this.#fresh.add(each);
    await this.#requestTopics(topic, missing, settings, false, signal);
  }

  async #requestTopics(
    topic: string,
    missing: readonly string[],
    settings: TopicSettings,
    validateOnly: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const controller = await this.#cluster.controller(signal);
    const created = await controller.request(createTopics, {
      topics: missing.map((each) => ({
        topic: each,
        partitions: settings.partitions ?? BROKER_DEFAULT,
        replicationFactor: settings.replicationFactor ?? BROKER_DEFAULT,
        configs: settings.configs,
      })),
      timeoutMs: CREATE_TIMEOUT_MS,
      validateOnly,
    }, signal);
    const answer = created.find((each) => each.topic === topic);
    if (answer === undefined || isStarting(answer)) return;
    switch (answer.errorCode) {
      case ErrorCode.NONE:
      case ErrorCode.TOPIC_ALREADY_EXISTS:
      case ErrorCode.NOT_CONTROLLER:
      case ErrorCode.REQUEST_TIMED_OUT:
      case ErrorCode.THROTTLING_QUOTA_EXCEEDED:
        return;
      case ErrorCode.INVALID_TOPIC_EXCEPTION: {
        const collision = await topicCollision(this.#cluster, topic, answer.errorMessage, signal);
        throw collision ?? creationError(answer);
      }
      default:
        throw creationError(answer);
    }
  }
}

function creationError({ topic, errorCode, errorMessage }: CreatedTopic): CaptureError {
  return brokerError({
    action: `create topic "${topic}"${errorMessage === null ? "" : ` (${errorMessage})`}`,
    rule: `--operation Create --operation Describe --operation Write --topic "${topic}"`,
    otherwise: "kafka-unavailable",
  }, errorCode);
}

/**
 * Accepts that a topic without a route is missing or not ready.
 * @throws CaptureError for any other error code
 */
function expectUsable(topic: string, all: readonly TopicMetadata[]): void {
  const found = all.find((candidate) => candidate.topic === topic);
  if (found === undefined) throw malformed("metadata without the requested topic");
  switch (found.errorCode) {
    case ErrorCode.NONE:
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.LEADER_NOT_AVAILABLE:
      return;
    default:
      throw brokerError({
        action: `look up topic "${topic}"`,
        rule: `--operation Describe --operation Write --topic "${topic}"`,
        otherwise: "kafka-unavailable",
      }, found.errorCode);
  }
}

/** A controller that has just started considers all brokers fenced (StripedReplicaPlacer.java). */
function isStarting({ errorCode, errorMessage }: CreatedTopic): boolean {
  return errorCode === ErrorCode.INVALID_REPLICATION_FACTOR &&
    (errorMessage?.includes("brokers are currently fenced") ?? false);
}

/** A broker creates this many topics in about a second. */
const SOON_MAX = 100;
const CONNECT_MS_MAX = 1_000;
const CREATE_TIMEOUT_MS = 15_000;
const FIRST_PAUSE_MS = 4;
const PAUSE_MS_MAX = 200;
const WAIT_MS_MAX = 30_000;
/** Topics in one request, which limits the time that either side spends on it. */
const REFRESHED_MAX = 500;

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
