// Initializes producers: gets a producer id and epoch from a transaction coordinator or from any broker.

import { CaptureError } from "../core/errors.ts";
import { delay } from "../core/wait.ts";
import { type Attempt, brokerError } from "./broker_error.ts";
import type { Cluster } from "./cluster.ts";
import { unlessMoved } from "./moved.ts";
import { exponentialBackoff } from "./backoff.ts";
import { findCoordinator } from "./wire/apis/find_coordinator.ts";
import {
  initProducerId as initProducerIdApi,
  type InitProducerIdRequest,
} from "./wire/apis/init_producer_id.ts";
import type { BrokerAddress } from "./wire/apis/metadata.ts";
import { Connection } from "./wire/connection.ts";
import { ErrorCode } from "./wire/error_codes.ts";
import { formatAddress, type HostPort } from "../core/address.ts";

/** Identifies a producer to the brokers. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** A transactional producer, and the broker that coordinates its transactions. */
export interface TransactionalIdentity extends ProducerIdentity {
  readonly coordinator: HostPort;
}

/**
 * Initializes a transactional producer. This aborts the open transaction of the transactional id, and fences
 * the producer that used it before.
 * @throws CaptureError `kafka-refused` if this is not allowed, `kafka-unavailable` if it takes longer than a
 * minute
 */
export async function initProducerId(
  cluster: Cluster,
  transactionalId: string,
  transactionTimeoutMs: number,
  signal: AbortSignal,
): Promise<TransactionalIdentity> {
  return await untilReady(transactionalIdAttempt(transactionalId), signal, async () => {
    const found = await coordinatorOf(cluster, transactionalId, signal);
    if (typeof found === "number") return found;
    const coordinator = await cluster.connectWithin(found, CONNECT_WAIT_MS, signal);
    if (!(coordinator instanceof Connection)) return coordinator;
    const response = requestProducerId(coordinator, { transactionalId, transactionTimeoutMs }, signal);
    const move = coordinatorMove(cluster, transactionalId, found);
    const identity = await unlessMoved(response, move, signal);
    return typeof identity === "number" ? identity : { ...identity, coordinator: found };
  });
}

/**
 * The broker that coordinates its transactions. Fences no producer.
 * @throws CaptureError as `initProducerId` does
 */
export async function findTransactionCoordinator(
  cluster: Cluster,
  transactionalId: string,
  signal: AbortSignal,
): Promise<BrokerAddress> {
  return await untilReady(
    transactionalIdAttempt(transactionalId),
    signal,
    () => coordinatorOf(cluster, transactionalId, signal),
  );
}

/** The attempt to initialize a producer, for errors. */
export function transactionalIdAttempt(transactionalId: string): Attempt {
  return {
    action: `initialize transactional id "${transactionalId}"`,
    rule: `--operation Write --operation Describe --transactional-id "${transactionalId}"`,
    otherwise: "kafka-unavailable",
  };
}

/** For `unlessMoved`: whether another broker coordinates the transactional id now. */
export function coordinatorMove(
  cluster: Cluster,
  transactionalId: string,
  before: HostPort,
): (signal: AbortSignal) => Promise<string | null> {
  return async (signal) => {
    const { errorCode, coordinator } = await cluster.ask(findCoordinator, { transactionalId }, signal);
    const isSame = errorCode !== ErrorCode.NONE || formatAddress(coordinator) === formatAddress(before);
    return isSame ? null : "the transaction coordinator changed";
  };
}

/** Initializes an idempotent producer without transactions. @throws CaptureError as `initProducerId` does */
export async function initIdempotentProducerId(
  cluster: Cluster,
  signal: AbortSignal,
): Promise<ProducerIdentity> {
  const attempt: Attempt = {
    action: "initialize an idempotent producer",
    rule: "--operation IdempotentWrite --cluster",
    otherwise: "kafka-unavailable",
  };
  return await untilReady(attempt, signal, async () => {
    const anyBroker = await cluster.any(signal);
    return await requestProducerId(anyBroker, { transactionalId: null, transactionTimeoutMs: 0 }, signal);
  });
}

const FIRST_PAUSE_MS = 5;
const PAUSE_MS_MAX = 50;
const WAIT_MS_MAX = 60_000;
/** After a broker fails, the cluster names another coordinator within seconds, so it is asked again soon. */
const CONNECT_WAIT_MS = 100;
/**
 * About 4 s: less than the 5 s after which a warning says that Kafka does not answer (pipeline/opening.ts).
 */
const UNREACHABLE_TIMES_MAX = 40;

/** Retries transient error codes, and a coordinator that cannot be reached. */
async function untilReady<Result>(
  attempt: Attempt,
  signal: AbortSignal,
  tryOnce: () => Promise<Result | number | CaptureError>,
): Promise<Result> {
  let unreachableTimes = 0;
  for (const pauseMs of exponentialBackoff(FIRST_PAUSE_MS, PAUSE_MS_MAX, WAIT_MS_MAX)) {
    const result = await tryOnce();
    if (result instanceof CaptureError) {
      if (++unreachableTimes > UNREACHABLE_TIMES_MAX) throw result;
    } else if (typeof result !== "number") return result;
    else if (!TRANSIENT.has(result)) throw brokerError(attempt, result);
    await delay(pauseMs, signal);
  }
  throw new CaptureError(
    "kafka-unavailable",
    `Cannot ${attempt.action}: it did not succeed within ${WAIT_MS_MAX / 1000} s`,
  );
}

/** CONCURRENT_TRANSACTIONS: the markers of the previous transaction are being written. */
const TRANSIENT = new Set<number>([
  ErrorCode.CONCURRENT_TRANSACTIONS,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
]);

/** @returns the coordinator, or an error code */
async function coordinatorOf(
  cluster: Cluster,
  transactionalId: string,
  signal: AbortSignal,
): Promise<BrokerAddress | number> {
  const { errorCode, coordinator } = await cluster.ask(findCoordinator, { transactionalId }, signal);
  return errorCode === ErrorCode.NONE ? coordinator : errorCode;
}

async function requestProducerId(
  connection: Connection,
  request: InitProducerIdRequest,
  signal: AbortSignal,
): Promise<ProducerIdentity | number> {
  const { errorCode, producerId, producerEpoch } = await connection.request(
    initProducerIdApi,
    request,
    signal,
  );
  return errorCode === ErrorCode.NONE ? { producerId, producerEpoch } : errorCode;
}
