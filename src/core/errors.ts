// The one error type that crosses module borders, and what each of its kinds means for the program.

import { type Advice, adviceText } from "./advice.ts";

/**
 * What went wrong, in the program's own terms. Adapters translate a vendor's error to one of these at the
 * border; `errorPolicy` says what follows from each.
 */
export type ErrorKind =
  /** A setting is missing, malformed or not supported. */
  | "configuration"
  /** PostgreSQL can't be reached, is starting, or closed the connection. */
  | "postgres-unavailable"
  /** PostgreSQL answers that it takes no connections: it starts up or shuts down. */
  | "postgres-not-ready"
  /** Nothing came from PostgreSQL for too long, although it was asked. */
  | "postgres-silent"
  /** PostgreSQL answered no: password, database, rights, settings, TLS. */
  | "postgres-refused"
  /** The slot is held by another consumer. */
  | "slot-in-use"
  /** The slot is invalidated, of another database or plugin, or gone although a position is known. */
  | "slot-unusable"
  /** The publication does not exist or publishes nothing that can be captured. */
  | "publication-missing"
  /** Slot, checkpoint and progress record contradict each other: changes may be gone. */
  | "position-conflict"
  /** PostgreSQL itself can't decode a change in the slot. */
  | "poison-change"
  /** Bytes from PostgreSQL are not what the protocol allows. */
  | "decoding"
  /** An LSN of the replication stream contradicts others: it changed on the way. */
  | "stream-corrupt"
  /** The stream described more tables than there is room for. A new connection describes those that still change. */
  | "too-many-relations"
  /** Kafka can't be reached or a broker is not able to answer for now. */
  | "kafka-unavailable"
  /** A request to Kafka was not answered in time. */
  | "kafka-silent"
  /** Kafka answered no: authentication, authorization, versions, settings. */
  | "kafka-refused"
  /** A send, commit or abort failed or was not answered: only the progress record knows what became of it. */
  | "kafka-unclear"
  /** A newer instance took over the transactional id. */
  | "fenced"
  /** A topic that was there is gone. */
  | "topic-missing"
  /** Two tables would share a topic, or a table's name can't be a topic. */
  | "topic-conflict"
  /** A record is larger than the broker takes. */
  | "record-too-large"
  /** The checkpoint store can't be read or written. */
  | "checkpoint-unavailable";

/** What follows from an error: try again, or stop with an exit code. */
export type ErrorPolicy =
  /** `pauseMsMax`: the longest pause between two tries. */
  | { readonly action: "retry"; readonly pauseMsMax: number }
  | { readonly action: "stop"; readonly exitCode: 2 | 3 };

/**
 * An error with a kind, and the fix a person can apply.
 *
 * `message` says what could not be done, then what was found: `Cannot start replication on slot "orders": it
 * is in use by process 4711`. It never holds a row's value, a password or a connection string.
 */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
  readonly kind: ErrorKind;
  /** What to do about it, as a sentence or an exact command; absent where waiting is all there is to do. */
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

  /** The hint as text, with settings called as in the environment. */
  get fix(): string | undefined {
    return this.hint === undefined ? undefined : adviceText(this.hint);
  }
}

/** The one place that decides between retry and stop, and the exit code (SPEC section 2). */
export function errorPolicy(kind: ErrorKind): ErrorPolicy {
  switch (kind) {
    case "postgres-unavailable":
    case "postgres-not-ready":
    case "postgres-silent":
    case "slot-in-use":
    case "stream-corrupt":
    case "too-many-relations":
    case "fenced":
      return { action: "retry", pauseMsMax: 5_000 };
    // A new leader is elected within seconds, and each try is cheap: one connection, or a refused one.
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

/** The end of an exhaustive switch: reaching it is a bug. */
export function unreachable(value: never): never {
  throw new Error(`unreachable case: ${JSON.stringify(value)}`);
}
