// Finds the ACLs that this client lacks, with requests that have no effect.

import { CaptureError } from "../core/errors.ts";
import type { Cluster } from "./cluster.ts";
import { BROKER_DEFAULT, createTopics } from "./wire/apis/create_topics.ts";
import { endTxn } from "./wire/apis/end_txn.ts";
import { fetch } from "./wire/apis/fetch.ts";
import { metadata } from "./wire/apis/metadata.ts";
import { produce } from "./wire/apis/produce.ts";
import type { Connection } from "./wire/connection.ts";
import { ErrorCode } from "./wire/error_codes.ts";

/** The operations that pg-capture must be allowed to perform. */
export interface RequiredAcls {
  /** Described, created if missing, and written. Includes pg-capture's own topics. */
  readonly topics: readonly string[];
  /** Read. */
  readonly readTopics: readonly string[];
  /** Null without transactions. */
  readonly transactionalId: string | null;
}

/** An operation, as Kafka names it, that is not allowed on a resource. */
export interface MissingAcl {
  readonly operation: "Describe" | "Create" | "Write" | "Read";
  readonly resource: "topic" | "transactional-id";
  readonly name: string;
}

/**
 * A broker checks ACLs before the rest of a request. So a request that must fail for another reason, or is
 * only validated, reveals them and changes nothing: a Produce without records, an EndTxn of a producer that
 * does not exist.
 * @throws CaptureError
 */
export async function missingAcls(
  cluster: Cluster,
  wanted: RequiredAcls,
  signal: AbortSignal,
): Promise<readonly MissingAcl[]> {
  const connection = await cluster.any(signal);
  const { topics } = wanted;
  const found = await connection.request(metadata, { topics }, signal);
  const codes = new Map(found.topics.map(({ topic, errorCode }) => [topic, errorCode]));
  const unwritable = await withoutWrite(connection, topics, signal);
  const absent = topics.filter((topic) => codes.get(topic) !== ErrorCode.NONE);
  const uncreatable = absent.length === 0
    ? new Set<string>()
    : await withoutCreate(connection, absent, signal);
  const missing: MissingAcl[] = [];
  for (const name of topics) {
    const isHidden = codes.get(name) === ErrorCode.TOPIC_AUTHORIZATION_FAILED;
    if (unwritable.has(name)) missing.push({ operation: "Write", resource: "topic", name });
    else if (isHidden) missing.push({ operation: "Describe", resource: "topic", name });
    if (uncreatable.has(name)) missing.push({ operation: "Create", resource: "topic", name });
  }
  const { readTopics, transactionalId } = wanted;
  for (const name of readTopics) {
    if (await mayRead(connection, name, signal)) continue;
    missing.push({ operation: "Read", resource: "topic", name });
  }
  if (transactionalId !== null && !await mayWriteIn(connection, transactionalId, signal)) {
    missing.push({ operation: "Write", resource: "transactional-id", name: transactionalId });
  }
  return missing;
}

/** The error for missing ACLs, with the commands that add them. @param doing completes "Cannot …" */
export function notAllowed(doing: string, missing: readonly MissingAcl[]): CaptureError {
  const first = missing.slice(0, NAMED_MAX);
  const named = first.map(({ operation, resource, name }) => `${operation} on ${resource} "${name}"`);
  const others = missing.length > NAMED_MAX ? `, and ${missing.length - NAMED_MAX} more` : "";
  const rules = first.map(({ operation, resource, name }) =>
    `--operation ${operation} --${resource} "${name}"`
  );
  const command = "kafka-acls.sh --bootstrap-server BROKER --add --allow-principal User:NAME";
  return new CaptureError("kafka-refused", `Cannot ${doing}: not allowed: ${named.join(", ")}${others}`, {
    hint: `allow it: ${rules.map((rule) => `${command} ${rule}`).join("; ")}`,
  });
}

const NAMED_MAX = 5;
const TIMEOUT_MS = 10_000;
const NO_RECORDS = new Uint8Array();
/** Producer ids are assigned from 0 on. */
const NO_PRODUCER_ID = 2n ** 63n - 1n;

/** The topics for which Write is missing. */
async function withoutWrite(
  connection: Connection,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const results = await connection.request(produce, {
    transactionalId: null,
    acks: -1,
    timeoutMs: TIMEOUT_MS,
    topics: topics.map((topic) => ({ topic, partitions: [{ partition: 0, records: NO_RECORDS }] })),
  }, signal);
  const denied = results.filter(({ errorCode }) => errorCode === ErrorCode.TOPIC_AUTHORIZATION_FAILED);
  return new Set(denied.map(({ topic }) => topic));
}

/** The topics for which Create is missing. */
async function withoutCreate(
  connection: Connection,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const settings = { partitions: BROKER_DEFAULT, replicationFactor: BROKER_DEFAULT, configs: [] };
  const answers = await connection.request(createTopics, {
    topics: topics.map((topic) => ({ topic, ...settings })),
    timeoutMs: TIMEOUT_MS,
    validateOnly: true,
  }, signal);
  const denied = answers.filter(({ errorCode }) =>
    errorCode === ErrorCode.TOPIC_AUTHORIZATION_FAILED || errorCode === ErrorCode.CLUSTER_AUTHORIZATION_FAILED
  );
  return new Set(denied.map(({ topic }) => topic));
}

async function mayRead(connection: Connection, topic: string, signal: AbortSignal): Promise<boolean> {
  const request = { topic, partition: 0, offset: 0n, bytesMax: 1 };
  const { errorCode } = await connection.request(fetch, request, signal);
  return errorCode !== ErrorCode.TOPIC_AUTHORIZATION_FAILED;
}

async function mayWriteIn(
  connection: Connection,
  transactionalId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const request = { transactionalId, producerId: NO_PRODUCER_ID, producerEpoch: 0, committed: false };
  const { errorCode } = await connection.request(endTxn, request, signal);
  return errorCode !== ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
}
