// The error type that all modules share, and the consequences of each of its kinds.

import { type Advice, adviceText } from "./advice.ts";

/**
 * What went wrong, in the program's own terms. Adapters translate the errors of other systems to these kinds;
 * `errorPolicy` decides the consequence of each.
 */
export type ErrorKind =
  /** A setting is missing, malformed or not supported. */
  | "configuration"
  /** PostgreSQL can't be reached, or closed the connection. */
  | "postgres-unavailable"
  /** PostgreSQL answers that it is starting up or shutting down. */
  | "postgres-not-ready"
  /** PostgreSQL sent nothing for too long, although a reply was requested. */
  | "postgres-silent"
  /** PostgreSQL rejects something: the password, the database, missing privileges, settings, TLS. */
  | "postgres-refused"
  /** Another consumer holds the slot. */
  | "slot-in-use"
  /**
   * The slot is invalidated, belongs to another database or plugin, or does not exist although a position is
   * known.
   */
  | "slot-unusable"
  /** The publication does not exist or publishes nothing that can be captured. */
  | "publication-missing"
  /** Slot, checkpoint and progress record contradict each other: changes may be lost. */
  | "position-conflict"
  /** PostgreSQL itself can't decode a change in the slot. */
  | "poison-change"
  /** PostgreSQL sent something that the protocol does not allow. */
  | "decoding"
  /** LSNs of the replication stream contradict each other: one was altered in transit. */
  | "postgres-corrupt"
  /**
   * The stream described more tables than there is room for. On a new connection only those that change are
   * described.
   */
  | "too-many-relations"
  /** Kafka can't be reached, or a broker is temporarily unable to handle a request. */
  | "kafka-unavailable"
  /** A request to Kafka was not answered in time. */
  | "kafka-silent"
  /** Kafka rejects something: authentication, authorization, versions, settings. */
  | "kafka-refused"
  /** A send, commit or abort failed or was not answered. Only the progress record tells the outcome. */
  | "kafka-unclear"
  /** A newer instance took over the transactional id. */
  | "fenced"
  /** A topic that existed was deleted. */
  | "topic-missing"
  /** Two tables would share a topic, or a table's name can't be a topic. */
  | "topic-conflict"
  /** A record is larger than the broker accepts. */
  | "record-too-large"
  /** The checkpoint store can't be read or written. */
  | "checkpoint-unavailable";

/** The consequence of an error: a retry, or the end of the program with an exit code. */
export type ErrorPolicy =
  /** `pauseMsMax`: the longest pause before a retry. */
  | { readonly action: "retry"; readonly pauseMsMax: number }
  | { readonly action: "stop"; readonly exitCode: 2 | 3 };

/**
 * An error with a kind and, if there is one, a fix.
 *
 * `message` tells what could not be done, then what was found: `Cannot start replication on slot "orders": it
 * is in use by process 4711`. It never contains a row's value, a password or a connection string.
 */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
  readonly kind: ErrorKind;
  /** What to do about it, as a sentence or an exact command; undefined if there is nothing to do but wait. */
  readonly hint: Advice | undefined;

  constructor(
    kind: ErrorKind,
    message: string,
    options: { readonly hint?: Advice; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint;
  }

  /** The hint as text, with the names of environment variables. */
  get fix(): string | undefined {
    return this.hint === undefined ? undefined : adviceText(this.hint);
  }
}

/** Decides between retry and stop, and on the exit code. Nothing else does. */
export function errorPolicy(kind: ErrorKind): ErrorPolicy {
  switch (kind) {
    case "postgres-unavailable":
    case "postgres-not-ready":
    case "postgres-silent":
    case "slot-in-use":
    case "postgres-corrupt":
    case "too-many-relations":
    case "fenced":
      return { action: "retry", pauseMsMax: 5_000 };
    // Kafka elects a new leader within seconds, and a retry is cheap: one connection attempt.
    case "kafka-unavailable":
    case "kafka-silent":
    case "kafka-unclear":
    case "topic-missing":
      return { action: "retry", pauseMsMax: 500 };
    case "configuration":
      return { action: "stop", exitCode: 2 };
    case "postgres-refused":
    case "slot-unusable":
    case "publication-missing":
    case "position-conflict":
    case "poison-change":
    case "decoding":
    case "kafka-refused":
    case "topic-conflict":
    case "record-too-large":
    case "checkpoint-unavailable":
      return { action: "stop", exitCode: 3 };
    default:
      return unreachable(kind);
  }
}

/** The default case of an exhaustive switch. Reaching it is a bug. */
export function unreachable(value: never): never {
  throw new Error(`unreachable case: ${JSON.stringify(value)}`);
}
