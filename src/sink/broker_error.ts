// Translates a broker's error code: the kind of error, its message and its fix.

import { type Advice, advice, setting } from "../core/advice.ts";
import { CaptureError, type ErrorKind } from "../core/errors.ts";
import { ErrorCode, errorCodeName } from "./wire/error_codes.ts";

/** The operation that the broker rejected. */
export interface Attempt {
  /** Completes "Cannot …": `write to topic "cdc.public.users"`. */
  readonly action: string;
  /** The ACL that it requires, as options of kafka-acls.sh: `--operation Write --topic cdc.public.users`. */
  readonly rule: string;
  /** Absent if the operation is not about one topic. */
  readonly topic?: string;
  /** The kind of an error whose code does not tell what has to change. */
  readonly otherwise: "kafka-unavailable" | "kafka-unclear";
}

/** The CaptureError for a broker's answer. */
export function brokerError(attempt: Attempt, code: number): CaptureError {
  const { kind, hint } = meaning(attempt, code);
  const message = `Cannot ${attempt.action}: the broker answered ${errorCodeName(code)}`;
  return new CaptureError(kind, message, hint === undefined ? {} : { hint });
}

/**
 * Returns the response. If there is none, throws `kafka-unclear` instead of `kafka-unavailable`: the broker
 * may have carried out the request, or may still do so.
 */
export async function unclearWhenLost<Response>(response: Promise<Response>): Promise<Response> {
  try {
    return await response;
  } catch (error) {
    if (!(error instanceof CaptureError) || error.kind !== "kafka-unavailable") throw error;
    throw new CaptureError("kafka-unclear", `Cannot tell whether the batch was written: ${error.message}`, {
      cause: error,
    });
  }
}

function meaning(attempt: Attempt, code: number): { readonly kind: ErrorKind; readonly hint?: Advice } {
  switch (code) {
    case ErrorCode.TOPIC_AUTHORIZATION_FAILED:
    case ErrorCode.CLUSTER_AUTHORIZATION_FAILED:
    case ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return {
        kind: "kafka-refused",
        hint: "allow it: kafka-acls.sh --bootstrap-server BROKER --add --allow-principal User:NAME " +
          attempt.rule,
      };
    case ErrorCode.PRODUCER_FENCED:
    case ErrorCode.INVALID_PRODUCER_EPOCH:
      return { kind: "fenced" };
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
      return { kind: "topic-missing" };
    case ErrorCode.MESSAGE_TOO_LARGE:
    case ErrorCode.RECORD_LIST_TOO_LARGE:
      return {
        kind: "record-too-large",
        hint: advice`set ${
          setting("kafka.max_message_bytes")
        } to the topic's limit (max.message.bytes), or raise that limit`,
      };
    case ErrorCode.INVALID_TRANSACTION_TIMEOUT:
      return {
        kind: "kafka-refused",
        hint: "set transaction.max.timeout.ms of the brokers to 60000 or more (their default is 900000)",
      };
    case ErrorCode.INVALID_REPLICATION_FACTOR:
      return {
        kind: "kafka-refused",
        hint: advice`set ${setting("kafka.topic_replication_factor")} to at most the number of brokers`,
      };
    case ErrorCode.INVALID_TIMESTAMP:
      return {
        kind: "kafka-refused",
        hint:
          "correct this machine's clock, from which the records' timestamps are taken; if it is right, let the " +
          "broker set the timestamps: " +
          "kafka-configs.sh --bootstrap-server BROKER --alter --entity-type topics " +
          `--entity-name ${
            JSON.stringify(attempt.topic ?? "TOPIC")
          } --add-config message.timestamp.type=LogAppendTime`,
      };
    case ErrorCode.INVALID_TOPIC_EXCEPTION:
    case ErrorCode.INVALID_PARTITIONS:
    case ErrorCode.INVALID_CONFIG:
    case ErrorCode.POLICY_VIOLATION:
    case ErrorCode.UNSUPPORTED_VERSION:
    case ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case ErrorCode.UNSUPPORTED_COMPRESSION_TYPE:
    case ErrorCode.INVALID_RECORD:
      return { kind: "kafka-refused" };
    case ErrorCode.NOT_ENOUGH_REPLICAS:
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.LEADER_NOT_AVAILABLE:
      return { kind: "kafka-unavailable" };
    default:
      return { kind: attempt.otherwise };
  }
}
