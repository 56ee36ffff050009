// `pg-capture run`: assembles the parts and runs them until a signal stops it.

import { KvCheckpointStore } from "../checkpoint/kv_store.ts";
import { OverflowFile } from "../checkpoint/overflow_file.ts";
import { KvRelationStore } from "../checkpoint/kv_relation_store.ts";
import { type Config, secretsToMask } from "../config/config.ts";
import type { LoadedConfig } from "../config/load.ts";
import { isAnyCaptured, isCaptured } from "../config/message_prefixes.ts";
import { ChangeDecoder } from "../decoder/change_decoder.ts";
import { NativeFormat } from "../decoder/formats/native/native_format.ts";
import { KnownDisorder } from "../decoder/pgoutput/lsn_checks.ts";
import { SYSTEM_CLOCK } from "../core/clock.ts";
import { CaptureError } from "../core/errors.ts";
import { LifecycleLog } from "../observability/lifecycle_log.ts";
import { LastProblemLogger } from "../observability/last_problem_logger.ts";
import { createLogger, type Logger } from "../observability/logger.ts";
import { writeStandardError } from "../observability/standard_error.ts";
import { Statistics } from "../observability/statistics.ts";
import { startStatusLine, statusFields } from "../observability/status_line.ts";
import { WalGuard } from "../observability/wal_guard.ts";
import type { CaptureParts, CaptureSettings } from "../pipeline/capture_parts.ts";
import { publishTo } from "../pipeline/events.ts";
import { messageBytesMax } from "../pipeline/oversize.ts";
import type { SourceIdentity } from "../core/position.ts";
import type { TableName } from "../core/table_name.ts";
import { parseTablePattern } from "../config/names.ts";
import { matchesTable } from "../rules/table_pattern.ts";
import { supervise, type SupervisorSettings } from "../pipeline/supervisor.ts";
import { createKafkaSink } from "../sink/kafka_sink.ts";
import type { KafkaSinkOptions } from "../sink/options.ts";
import { probeKafka } from "../sink/probe.ts";
import { TopicNames } from "../sink/topics.ts";
import { PostgresSource } from "../source/replication_source.ts";
import { VERSION } from "../version.ts";
import { kafkaPlace, postgresOptions, postgresPlace } from "./adapters.ts";
import { exitCodeOf } from "./exit_code.ts";
import { kafkaSecurity } from "./kafka_security.ts";
import { serve } from "./serve.ts";
import { onStopSignal } from "./stop_signal.ts";

// SPEC section 2 gives 10 s from the signal to the end; the last confirmation has its share.
const STOP_MS_MAX = 7_000;
// A larger transaction costs memory and gains nothing: docs/BENCHMARKS.md.
const BATCH_BYTES_MAX = 1024 * 1024;

/** Whether a pattern of a request, as in PG_TABLES, matches the table. */
function matchesPattern(pattern: string, { schema, table }: TableName): boolean {
  const parsed = parseTablePattern(pattern);
  return "value" in parsed && matchesTable(parsed.value, schema, table);
}

/**
 * Captures until SIGTERM or SIGINT.
 * @returns the exit code: 0 if stopped cleanly, 2 or 3 according to the error's kind
 * @throws anything that is not a CaptureError: a bug
 */
export async function run({ config, warnings, file }: LoadedConfig): Promise<number> {
  const secrets = () => secretsToMask(config);
  const { level, format } = config.logging;
  const logger = new LastProblemLogger(
    createLogger({ level, format, write: writeStandardError, secrets }),
    secrets,
    Date.now,
  );
  for (const warning of warnings) logger.warn(warning);
  if (file !== undefined) logger.info("Read settings from a file", { file });
  logger.info("pg-capture", {
    version: VERSION,
    postgres: postgresPlace(config.pg),
    slot: config.pg.slotName,
    publication: config.pg.publication,
    kafka: kafkaPlace(config.kafka.brokers),
    delivery: config.kafka.delivery,
  });
  const statistics = new Statistics();
  const walGuard = new WalGuard();
  using stopSignal = onStopSignal(() =>
    logger.info("Stopping: delivering what was read; a second signal stops at once")
  );
  using store = new KvCheckpointStore(config.replication.checkpointFile);
  using overflow = new OverflowFile(config.replication.checkpointFile);
  using _statusLine = startStatusLine({
    read: () => statistics.read(),
    logger,
    wallClockMs: Date.now,
    monotonicMs: () => performance.now(),
  });
  const started = { reading: statistics.read(), atMs: performance.now() };
  try {
    using _server = serve(config, { statistics, walGuard, logger, wallClock: Date.now });
    await supervise(
      partsOf(config, logger, statistics, walGuard, store, overflow),
      settingsOf(config),
      Math.random,
      stopSignal.signal,
    );
    const elapsedMs = performance.now() - started.atMs;
    logger.info("Stopped", statusFields(started.reading, statistics.read(), elapsedMs, Date.now()));
    return 0;
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    statistics.failed(error.kind, false);
    logger.error(error.message, error.fix === undefined ? {} : { fix: error.fix });
    return exitCodeOf(error);
  }
}

function partsOf(
  config: Config,
  logger: Logger,
  statistics: Statistics,
  walGuard: WalGuard,
  store: KvCheckpointStore,
  overflow: OverflowFile,
): CaptureParts {
  const { pg, kafka, snapshot } = config;
  const topics = new TopicNames(kafka.topicPrefix, pg.database, config.tables);
  const security = kafkaSecurity(config);
  const disorder = new KnownDisorder();
  const source = new PostgresSource(
    postgresOptions(config),
    {
      slot: pg.slotName,
      publication: pg.publication,
      tables: pg.tables,
      messages: isAnyCaptured(pg.messages),
      failover: pg.slotFailover,
      messageBytesMax: messageBytesMax(kafka.messageBytesMax),
      temporary: false,
    },
    Date.now,
  );
  const sinkOptions = (identity: SourceIdentity, batchBytesMax: number): KafkaSinkOptions => ({
    brokers: kafka.brokers,
    security,
    prefix: kafka.topicPrefix,
    delivery: kafka.delivery,
    compression: kafka.compression,
    acks: kafka.acks === -1 ? "all" : kafka.acks,
    maxMessageBytes: kafka.messageBytesMax,
    batchBytesMax,
    ...(kafka.topicPartitions === undefined ? {} : { topicPartitions: kafka.topicPartitions }),
    ...(kafka.topicReplicationFactor === undefined
      ? {}
      : { topicReplicationFactor: kafka.topicReplicationFactor }),
    clientId: "pg-capture",
    usesSnapshots: snapshot.mode !== "never",
    identity,
    wallClock: Date.now,
  });
  return {
    source,
    createSink: (identity, batchBytesMax) => createKafkaSink(sinkOptions(identity, batchBytesMax)),
    probeSink: (identity, tables, signal) =>
      probeKafka(sinkOptions(identity, BATCH_BYTES_MAX), tables, signal),
    store,
    relations: new KvRelationStore(() => store.kv()),
    createDecoder: () =>
      new ChangeDecoder({
        format: new NativeFormat(VERSION, pg.database),
        tombstones: kafka.tombstones,
        isMessageCaptured: (prefix) => isCaptured(prefix, pg.messages),
        disorder,
        overflow,
      }),
    createFormat: () => new NativeFormat(VERSION, pg.database),
    topicOf: (target) => topics.topicOf(target),
    topicConflicts: (tables) => topics.conflicts(tables),
    events: publishTo([new LifecycleLog(logger, walGuard, SYSTEM_CLOCK.now), statistics]),
    clock: SYSTEM_CLOCK,
  };
}

function settingsOf({ pg, kafka, replication, snapshot }: Config): CaptureSettings & SupervisorSettings {
  return {
    database: pg.database,
    slot: pg.slotName,
    publication: pg.publication,
    delivery: kafka.delivery,
    limits: {
      lingerMs: kafka.lingerMs,
      enoughBytes: kafka.batchBytes,
      bufferBytesMax: kafka.bufferBytesMax,
      bufferRecordsMax: replication.bufferChangesMax,
      idleProgressMs: replication.checkpointIntervalMs,
    },
    batchBytesMax: Math.min(BATCH_BYTES_MAX, Math.floor(kafka.bufferBytesMax / 2)),
    oversize: kafka.oversize,
    keepaliveIntervalMs: replication.keepaliveIntervalMs,
    pollIntervalMs: replication.pollIntervalMs,
    snapshot: {
      mode: snapshot.mode,
      includes: ({ schema, table }) =>
        snapshot.tables?.some((pattern) => matchesTable(pattern, schema, table)) ?? true,
      matches: matchesPattern,
      readers: snapshot.readers,
      rowsPerSecond: snapshot.rowsPerSecond,
    },
    stopMsMax: STOP_MS_MAX,
  };
}
