// `pg-capture tail`: prints changes to standard output, from a temporary slot, without Kafka.

import { type Config, secretsToMask } from "../config/config.ts";
import { SYSTEM_CLOCK } from "../core/clock.ts";
import { isAnyCaptured, isCaptured } from "../config/message_prefixes.ts";
import { ChangeDecoder } from "../decoder/change_decoder.ts";
import { NativeFormat } from "../decoder/formats/native/native_format.ts";
import { LifecycleLog } from "../observability/lifecycle_log.ts";
import { createLogger } from "../observability/logger.ts";
import { writeStandardError } from "../observability/standard_error.ts";
import { WalGuard } from "../observability/wal_guard.ts";
import type { CaptureParts, CaptureSettings } from "../pipeline/capture_parts.ts";
import { publishTo } from "../pipeline/events.ts";
import type { CheckpointStore } from "../pipeline/ports.ts";
import type { RelationStore } from "../pipeline/relation_store.ts";
import { runSession } from "../pipeline/session.ts";
import { SessionMemory } from "../pipeline/session_memory.ts";
import { PostgresSource } from "../source/replication_source.ts";
import { VERSION } from "../version.ts";
import { postgresOptions } from "./adapters.ts";
import { LineSink } from "./line_sink.ts";

const BUFFER_BYTES = 8 * 1024 * 1024;
const BUFFER_RECORDS = 10_000;
const STOP_MS_MAX = 3_000;

/**
 * Prints until the signal aborts or the reader is gone. PostgreSQL drops the slot with the connection.
 * @param print writes the bytes to standard output
 * @returns 0
 * @throws CaptureError, without a retry: the slot is gone with the connection, and changes in between would
 *   be missing
 */
export async function tail(
  config: Config,
  print: (bytes: Uint8Array) => void,
  clock: () => number,
  stop: AbortSignal,
): Promise<number> {
  const kill = new AbortController();
  const slot = `pg_capture_tail_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  const onStop = () => setTimeout(() => kill.abort(stop.reason), STOP_MS_MAX);
  stop.addEventListener("abort", onStop, { once: true });
  try {
    await runSession({
      parts: partsOf(config, slot, print, clock),
      settings: settingsOf(config, slot),
      memory: new SessionMemory(BUFFER_BYTES, Math.random, true),
      stop,
      kill: kill.signal,
    });
    return 0;
  } catch (error) {
    if (stop.aborted || error instanceof Deno.errors.BrokenPipe) return 0;
    throw error;
  }
}

function partsOf(
  config: Config,
  slot: string,
  print: (bytes: Uint8Array) => void,
  clock: () => number,
): CaptureParts {
  const { pg, logging } = config;
  const logger = createLogger({
    // Logs only problems, unless another level is set: the changes are the output.
    level: logging.level === "info" ? "warn" : logging.level,
    format: logging.format,
    write: writeStandardError,
    secrets: () => secretsToMask(config),
  });
  const replication = {
    slot,
    publication: pg.publication,
    tables: undefined,
    messages: isAnyCaptured(pg.messages),
    failover: false,
    messageBytesMax: undefined,
    temporary: true,
  };
  return {
    source: new PostgresSource(postgresOptions(config), replication, clock),
    createSink: () => new LineSink(print),
    probeSink: () => Promise.resolve(null),
    store: NO_STORE,
    relations: NO_RELATIONS,
    createDecoder: () =>
      new ChangeDecoder({
        format: new NativeFormat(VERSION, pg.database),
        tombstones: false,
        isMessageCaptured: (prefix) => isCaptured(prefix, pg.messages),
      }),
    createFormat: () => new NativeFormat(VERSION, pg.database),
    topicOf: (target) => typeof target === "string" ? target : `${target.schema}.${target.table}`,
    topicConflicts: () => [],
    events: publishTo([new LifecycleLog(logger, new WalGuard(), SYSTEM_CLOCK.now)]),
    clock: { ...SYSTEM_CLOCK, wall: clock },
  };
}

function settingsOf({ pg, replication, kafka }: Config, slot: string): CaptureSettings {
  return {
    database: pg.database,
    slot,
    publication: pg.publication,
    delivery: "exactly-once",
    limits: {
      lingerMs: 0,
      enoughBytes: 1,
      bufferBytesMax: BUFFER_BYTES,
      bufferRecordsMax: BUFFER_RECORDS,
      idleProgressMs: replication.checkpointIntervalMs,
    },
    batchBytesMax: BUFFER_BYTES,
    oversize: kafka.oversize,
    keepaliveIntervalMs: replication.keepaliveIntervalMs,
    pollIntervalMs: replication.pollIntervalMs,
    snapshot: {
      mode: "never",
      includes: () => false,
      matches: () => false,
      readers: 1,
      rowsPerSecond: undefined,
    },
  };
}

/** Keeps nothing, because no part of the stream is read twice. */
const NO_RELATIONS: RelationStore = {
  load: () => Promise.resolve([]),
  save: () => Promise.resolve(),
};

/** A temporary slot is never resumed. */
const NO_STORE: CheckpointStore = {
  load: () => Promise.resolve(null),
  save: () => Promise.resolve(),
  close() {},
};
