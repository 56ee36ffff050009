// The table of all metrics: name, type, help, and how to read the value.

import type { Part, PartState } from "../pipeline/events.ts";
import type { HistogramReading } from "./histogram.ts";
import { formatMetrics, type MetricFamily, type Sample } from "./prometheus_text.ts";
import { isReady, lagOf, type StatusSnapshot } from "./status_snapshot.ts";

/** All metrics in Prometheus text format. A gauge with an unknown value is left out. */
export function renderMetrics(snapshot: StatusSnapshot): string {
  return formatMetrics(METRICS.map((metric): MetricFamily => {
    const { name, help, type } = metric;
    if (type === "histogram") return { name, help, type, reading: metric.read(snapshot) };
    const found = metric.read(snapshot);
    const samples = typeof found === "number" ? [{ value: found }] : found ?? [];
    return { name, help, type, samples };
  }));
}

/** A row of the table. */
type Metric =
  & { readonly name: string; readonly help: string }
  & (
    | {
      readonly type: "counter" | "gauge";
      readonly read: (snapshot: StatusSnapshot) => number | readonly Sample[] | null;
    }
    | { readonly type: "histogram"; readonly read: (snapshot: StatusSnapshot) => HistogramReading }
  );

const PARTS: readonly Part[] = ["postgres", "kafka", "checkpoint"];
const STATES: readonly PartState[] = ["connecting", "streaming", "waiting", "failed", "stopped"];
const WAL_STATUSES = ["reserved", "extended", "unreserved", "lost"] as const;

/** Names follow https://prometheus.io/docs/practices/naming/; the process_ metrics are those of all client libraries. */
export const METRICS: readonly Metric[] = [
  gauge("pg_capture_build_info", "Always 1; the labels describe the running version.", ({ facts }) => [{
    labels: { version: facts.version, runtime: facts.runtime, delivery: facts.delivery },
    value: 1,
  }]),
  gauge(
    "pg_capture_ready",
    "1 while changes are streaming, else 0.",
    ({ reading }) => isReady(reading) ? 1 : 0,
  ),
  gauge(
    "pg_capture_part_state",
    "1 for the current state of the part, 0 for all others.",
    ({ reading }) =>
      PARTS.flatMap((part) =>
        STATES.map((state) => ({ labels: { part, state }, value: reading.states[part] === state ? 1 : 0 }))
      ),
  ),
  gauge(
    "pg_capture_lag_bytes",
    "WAL between the confirmed position and the end of the server's WAL; absent if unknown.",
    (snapshot) => lagOf(snapshot).bytes,
  ),
  gauge(
    "pg_capture_lag_seconds",
    "Age of the oldest commit that is received but not delivered; absent if unknown.",
    (snapshot) => lagOf(snapshot).seconds,
  ),
  gauge(
    "pg_capture_slot_retained_wal_bytes",
    "WAL that PostgreSQL retains for the slot.",
    ({ wal }) => wal.keptBytes,
  ),
  gauge(
    "pg_capture_slot_retained_wal_growth_bytes_per_second",
    "Growth of the WAL retained for the slot, over the last five minutes.",
    ({ wal }) => wal.growthBytesPerSecond,
  ),
  gauge(
    "pg_capture_slot_wal_left_bytes",
    "WAL that can still be written before the slot may be invalidated; absent without max_slot_wal_keep_size.",
    ({ wal }) => wal.bytesLeft,
  ),
  gauge(
    "pg_capture_slot_lost_in_seconds",
    "Time until the slot is invalidated at the current growth rate; absent if it is not growing towards the limit.",
    ({ wal }) => wal.secondsUntilLost,
  ),
  gauge(
    "pg_capture_slot_wal_status",
    "1 for the slot's wal_status in pg_replication_slots, 0 for all others.",
    ({ wal }) =>
      wal.status === null
        ? null
        : WAL_STATUSES.map((status) => ({ labels: { status }, value: wal.status === status ? 1 : 0 })),
  ),
  counter(
    "pg_capture_received_bytes_total",
    "Bytes received from the replication stream.",
    ({ reading }) => reading.received.bytes,
  ),
  counter(
    "pg_capture_received_messages_total",
    "Messages received from the replication stream.",
    ({ reading }) => reading.received.messages,
  ),
  counter(
    "pg_capture_transactions_total",
    "PostgreSQL transactions received completely.",
    ({ reading }) => reading.transactions,
  ),
  counter(
    "pg_capture_records_total",
    "Changes encoded as records, by table and operation; logical messages have no table.",
    ({ reading }) =>
      reading.tables.flatMap(({ schema, table, records }) =>
        Object.entries(records).filter(([, count]) => count > 0)
          .map(([operation, value]) => ({
            labels: { schema, table, operation: operation.toLowerCase() },
            value,
          }))
      ),
  ),
  counter(
    "pg_capture_delivered_records_total",
    "Records delivered to Kafka, tombstones included.",
    ({ reading }) => reading.delivered.records,
  ),
  counter(
    "pg_capture_delivered_bytes_total",
    "Bytes of the records delivered to Kafka, uncompressed.",
    ({ reading }) => reading.delivered.bytes,
  ),
  gauge(
    "pg_capture_delivered_commit_timestamp_seconds",
    "Commit time of the last delivered change.",
    ({ reading }) =>
      reading.delivered.commitTimeMs === undefined ? null : reading.delivered.commitTimeMs / 1000,
  ),
  histogram("pg_capture_batch_records", "Records per delivery.", ({ reading }) => reading.batchRecords),
  histogram(
    "pg_capture_batch_bytes",
    "Bytes per delivery, uncompressed.",
    ({ reading }) => reading.batchBytes,
  ),
  histogram(
    "pg_capture_batch_duration_seconds",
    "Duration of a delivery to Kafka, including its commit.",
    ({ reading }) => reading.batchSeconds,
  ),
  histogram(
    "pg_capture_delivery_latency_seconds",
    "Time from a change's commit in PostgreSQL to the end of its Kafka transaction, observed for each record; rows of snapshots are left out.",
    ({ reading }) => reading.latencySeconds,
  ),
  gauge(
    "pg_capture_buffered_records",
    "Records received but not delivered.",
    ({ reading }) => reading.queued.changes,
  ),
  gauge(
    "pg_capture_buffered_bytes",
    "Bytes received but not delivered.",
    ({ reading }) => reading.queued.bytes,
  ),
  gauge(
    "pg_capture_snapshot_tables",
    "Tables by the status of their last snapshot; absent while another instance holds the slot.",
    ({ reading: { snapshots: { tables } } }) =>
      tables === null
        ? null
        : Object.entries(tables).map(([status, value]) => ({ labels: { status }, value })),
  ),
  gauge(
    "pg_capture_snapshot_rows",
    "Rows in Kafka of the snapshots that have not ended: queued, running or paused.",
    ({ reading: { snapshots } }) => snapshots.tables === null ? null : snapshots.rows,
  ),
  gauge(
    "pg_capture_snapshot_rows_expected",
    "PostgreSQL's estimate of all rows of the snapshots that have not ended; absent if unknown for one of them.",
    ({ reading: { snapshots } }) => snapshots.tables === null ? null : snapshots.rowsExpected,
  ),
  counter(
    "pg_capture_snapshot_rows_total",
    "Rows of snapshots delivered to Kafka.",
    ({ reading: { snapshots } }) => snapshots.rowsDelivered,
  ),
  gauge(
    "pg_capture_snapshot_advanced_timestamp_seconds",
    "When rows of a snapshot were last delivered, or the first snapshot was queued; absent if none is queued or running.",
    ({ reading: { snapshots: { advancedAtMs } } }) => advancedAtMs === null ? null : advancedAtMs / 1000,
  ),
  counter(
    "pg_capture_undescribed_relations_total",
    "Tables whose key or types are unknown because they were dropped or altered before their changes were read.",
    ({ reading }) => reading.undescribedRelations,
  ),
  counter("pg_capture_errors_total", "Errors by kind.", ({ reading }) => byKind(reading.errorsByKind)),
  counter(
    "pg_capture_restarts_total",
    "Errors that led to a retry, by kind.",
    ({ reading }) => byKind(reading.retriesByKind),
  ),
  gauge(
    "process_start_time_seconds",
    "Start time of the process, in seconds since 1970.",
    ({ facts }) => facts.startedAtMs / 1000,
  ),
  counter(
    "process_cpu_seconds_total",
    "User and system CPU time.",
    ({ usage }) => usage.cpuSeconds,
  ),
  gauge("process_resident_memory_bytes", "Resident memory.", ({ usage }) => usage.residentBytes),
  gauge("pg_capture_heap_bytes", "Memory used by JavaScript objects.", ({ usage }) => usage.heapBytes),
];

type Read = (snapshot: StatusSnapshot) => number | readonly Sample[] | null;

function gauge(name: string, help: string, read: Read): Metric {
  return { name, help, type: "gauge", read };
}

function counter(name: string, help: string, read: Read): Metric {
  return { name, help, type: "counter", read };
}

function histogram(name: string, help: string, read: (snapshot: StatusSnapshot) => HistogramReading): Metric {
  return { name, help, type: "histogram", read };
}

function byKind(counts: ReadonlyMap<string, number>): readonly Sample[] {
  return [...counts].map(([kind, value]) => ({ labels: { kind }, value }));
}
