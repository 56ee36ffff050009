// The status page's data as JSON.

import { quantile } from "./histogram.ts";
import { snapshotsJson } from "./snapshots_json.ts";
import { isReady, lagOf, type StatusSnapshot } from "./status_snapshot.ts";

/** The number of tables listed, busiest first. */
const TABLES_MAX = 50;

/** Everything the page shows; times in milliseconds since 1970. It holds no secrets and no row values. */
export function statusJson(snapshot: StatusSnapshot) {
  const { facts, atMs, reading, wal, usage, lastProblem, rates, recentLatency } = snapshot;
  const tables = reading.tables
    .map(({ schema, table, records }) => {
      const total = Object.values(records).reduce((sum, count) => sum + count, 0);
      return { schema, table, total, ...lowerCase(records) };
    })
    .sort((a, b) => b.total - a.total);
  return {
    ...facts,
    atMs,
    ready: isReady(reading),
    states: reading.states,
    lag: lagOf(snapshot),
    latencySeconds: { p50: quantile(recentLatency, 0.5), p99: quantile(recentLatency, 0.99) },
    rates: rates.map((rate) => Math.round(rate)),
    delivered: reading.delivered,
    transactions: reading.transactions,
    buffered: { records: reading.queued.changes, bytes: reading.queued.bytes },
    wal,
    usage,
    errors: reading.errors,
    retries: reading.retries,
    lastProblem,
    snapshots: snapshotsJson(reading.snapshots, atMs),
    tables: tables.slice(0, TABLES_MAX),
    tablesTotal: tables.length,
  };
}

function lowerCase(records: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(records).map(([operation, count]) => [operation.toLowerCase(), count]),
  );
}
