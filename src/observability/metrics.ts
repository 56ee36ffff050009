// The one table of all metrics: name, type, help, and where the value comes from.

import type { Part, PartState } from "../pipeline/observer.ts";
import type { HistogramReading } from "./histogram.ts";
import { formatMetrics, type MetricFamily, type Sample } from "./prometheus_text.ts";
import { isReady, lagOf, type StatusSnapshot } from "./status_snapshot.ts";

/** All metrics in Prometheus' text format. A gauge whose value isn't known is left out. */
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
export type Metric =
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

/** Names follow https://prometheus.io/docs/practices/naming/; the process_ ones are those of all client libraries. */
export const METRICS: readonly Metric[] = [
  gauge("pg_capture_build_info", "Always 1; the labels say what runs.", ({ facts }) => [{
    labels: { version: facts.version, runtime: facts.runtime, delivery: facts.delivery },
    value: 1,
  }]),
  gauge("pg_capture_ready", "1 while changes flow, else 0.", ({ reading }) => isReady(reading) ? 1 : 0),
  gauge(
    "pg_capture_part_state",
    "1 for the state that the part is in, 0 for the others.",
    ({ reading }) =>
      PARTS.flatMap((part) =>
        STATES.map((state) => ({ labels: { part, state }, value: reading.states[part] === state ? 1 : 0 }))
      ),
  ),
  gauge(
    "pg_capture_lag_bytes",
    "WAL between the end of the server's and what is confirmed; absent while it isn't known.",
    (snapshot) => lagOf(snapshot).bytes,
  ),
  gauge(
    "pg_capture_lag_seconds",
    "Age of the oldest commit that is received and not delivered; absent while it isn't known.",
    (snapshot) => lagOf(snapshot).seconds,
  ),
  gauge(
    "pg_capture_slot_retained_wal_bytes",
    "WAL that PostgreSQL keeps for the slot.",
    ({ wal }) => wal.keptBytes,
  ),
  gauge(
    "pg_capture_slot_retained_wal_growth_bytes_per_second",
    "Growth of the WAL kept for the slot, over the last five minutes.",
    ({ wal }) => wal.growthBytesPerSecond,
  ),
  gauge(
    "pg_capture_slot_wal_left_bytes",
    "WAL that may still be written before the slot is in danger; absent without max_slot_wal_keep_size.",
    ({ wal }) => wal.bytesLeft,
  ),
  gauge(
    "pg_capture_slot_lost_in_seconds",
    "Time until the slot is invalidated at the present growth; absent while it is not on its way there.",
    ({ wal }) => wal.secondsUntilLost,
  ),
  gauge(
    "pg_capture_slot_wal_status",
    "1 for the slot's wal_status in pg_replication_slots, 0 for the others.",
    ({ wal }) =>
      wal.status === null
        ? null
        : WAL_STATUSES.map((status) => ({ labels: { status }, value: wal.status === status ? 1 : 0 })),
  ),
  counter(
    "pg_capture_received_bytes_total",
    "Bytes of the replication stream.",
    ({ reading }) => reading.received.bytes,
  ),
  counter(
    "pg_capture_received_messages_total",
    "Messages of the replication stream.",
    ({ reading }) => reading.received.messages,
  ),
  counter(
    "pg_capture_transactions_total",
    "Transactions of PostgreSQL received whole.",
    ({ reading }) => reading.transactions,
  ),
  counter(
    "pg_capture_records_total",
    "Changes that became records, by table and operation; logical messages have no table.",
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
    "Commit time of the last record delivered.",
    ({ reading }) =>
      reading.delivered.commitTimeMs === undefined ? null : reading.delivered.commitTimeMs / 1000,
  ),
  histogram("pg_capture_batch_records", "Records in a delivery.", ({ reading }) => reading.batchRecords),
  histogram(
    "pg_capture_batch_bytes",
    "Bytes in a delivery, uncompressed.",
    ({ reading }) => reading.batchBytes,
  ),
  histogram(
    "pg_capture_batch_duration_seconds",
    "Time that a delivery to Kafka took, its commit included.",
    ({ reading }) => reading.batchSeconds,
  ),
  histogram(
    "pg_capture_delivery_latency_seconds",
    "Time from a record's commit in PostgreSQL to the end of its Kafka transaction, one value a record.",
    ({ reading }) => reading.latencySeconds,
  ),
  gauge("pg_capture_buffered_records", "Records held undelivered.", ({ reading }) => reading.queued.changes),
  gauge("pg_capture_buffered_bytes", "Bytes held undelivered.", ({ reading }) => reading.queued.bytes),
  counter(
    "pg_capture_undescribed_relations_total",
    "Tables dropped or altered before their changes were read, so that a key or a type could not be known.",
    ({ reading }) => reading.undescribedRelations,
  ),
  counter("pg_capture_errors_total", "Errors by kind.", ({ reading }) => byKind(reading.errorsByKind)),
  counter(
    "pg_capture_restarts_total",
    "Errors that were met with another try, by kind.",
    ({ reading }) => byKind(reading.retriesByKind),
  ),
  gauge(
    "process_start_time_seconds",
    "Start of the process, in seconds since 1970.",
    ({ facts }) => facts.startedAtMs / 1000,
  ),
  counter(
    "process_cpu_seconds_total",
    "CPU time of user and system.",
    ({ usage }) => usage.cpuSeconds,
  ),
  gauge("process_resident_memory_bytes", "Resident memory.", ({ usage }) => usage.residentBytes),
  gauge("pg_capture_heap_bytes", "Memory that JavaScript objects use.", ({ usage }) => usage.heapBytes),
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
