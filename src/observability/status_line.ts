// The status line that is logged every ten seconds.

import type { LogFields, Logger } from "./logger.ts";
import type { StatisticsReading } from "./statistics.ts";

interface StatusLineOptions {
  readonly read: () => StatisticsReading;
  readonly logger: Pick<Logger, "info">;
  /** Milliseconds since 1970. */
  readonly wallClockMs: () => number;
  /** A monotonic clock, in milliseconds. */
  readonly monotonicMs: () => number;
  readonly intervalMs?: number;
}

/** Logs a status line at each interval until disposed of. Does not keep the process alive. */
export function startStatusLine(options: StatusLineOptions): Disposable {
  const { read, logger, wallClockMs, monotonicMs, intervalMs = INTERVAL_MS } = options;
  let previous = read();
  let previousMs = monotonicMs();
  const timer = setInterval(() => {
    const current = read();
    const currentMs = monotonicMs();
    logger.info("Status", statusFields(previous, current, currentMs - previousMs, wallClockMs()));
    previous = current;
    previousMs = currentMs;
  }, intervalMs);
  Deno.unrefTimer(timer);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/**
 * The fields of a status line.
 * @param previous the reading of the previous line, `elapsedMs` ago
 * @param wallClockMs the current time, in milliseconds since 1970
 */
export function statusFields(
  previous: StatisticsReading,
  current: StatisticsReading,
  elapsedMs: number,
  wallClockMs: number,
): LogFields {
  const records = current.delivered.records - previous.delivered.records;
  return {
    postgres: current.states.postgres,
    kafka: current.states.kafka,
    checkpoint: current.states.checkpoint,
    lag_bytes: lagBytes(current),
    lag_seconds: rounded(lagSeconds(current, wallClockMs)),
    messages_per_second: elapsedMs > 0 ? rounded(records * 1000 / elapsedMs) : 0,
    messages: current.delivered.records,
    transactions: current.transactions,
    buffered: current.queued.changes,
    errors: current.errors,
    retries: current.retries,
    ...snapshotFields(previous, current, elapsedMs),
  };
}

/** Only while snapshots are open. */
function snapshotFields(
  { snapshots: previous }: StatisticsReading,
  { snapshots: current }: StatisticsReading,
  elapsedMs: number,
): LogFields {
  if (current.open === 0) return {};
  const rows = current.rowsDelivered - previous.rowsDelivered;
  return {
    snapshot_tables_left: current.open,
    snapshot_rows: current.rows,
    snapshot_rows_per_second: elapsedMs > 0 ? rounded(rows * 1000 / elapsedMs) : 0,
  };
}

const INTERVAL_MS = 10_000;

/** WAL that is not confirmed yet; null if unknown. */
export function lagBytes({ states, serverWalEnd, confirmed }: StatisticsReading): number | null {
  if (states.postgres !== "streaming" || serverWalEnd === undefined || confirmed === undefined) return null;
  return serverWalEnd > confirmed ? Number(serverWalEnd - confirmed) : 0;
}

/** Age of the oldest undelivered commit; null while PostgreSQL may have commits that were not received. */
export function lagSeconds({ states, queued }: StatisticsReading, wallClockMs: number): number | null {
  const oldest = queued.oldestCommitTimeMs;
  if (oldest !== undefined) return Math.max(0, wallClockMs - oldest) / 1000;
  return states.postgres === "streaming" && states.kafka === "streaming" ? 0 : null;
}

/** One decimal below 100, none above. */
function rounded(value: number | null): number | null {
  if (value === null) return null;
  return value < 100 ? Math.round(value * 10) / 10 : Math.round(value);
}
