// What a whole run of the benchmark came to; also the form of the baseline file.

import type { PacedResult } from "./paced.ts";
import type { RestingResult } from "./resting.ts";
import type { SnapshotMeasurement } from "./snapshot.ts";
import { median } from "./statistics.ts";

/** The readers, in the order in which they take turns. */
export type ReaderName = "raw" | "exactly-once" | "at-least-once" | "debezium";

/** One reader on one case: medians over the rounds, but for the peak. */
export interface ReaderResult {
  readonly reader: ReaderName;
  /** Each round's time from exec to the last row's arrival. */
  readonly seconds: readonly number[];
  readonly rowsPerSecond: number;
  /** Against the raw reader of the same run. */
  readonly ofRaw: number;
  readonly cpuSecondsPerMillion: number;
  /** CPU seconds of PostgreSQL for a million rows. */
  readonly postgresCpuPerMillion: number;
  /** CPU seconds of Kafka for a million rows. */
  readonly kafkaCpuPerMillion: number;
  /** The largest VmHWM of all rounds. */
  readonly peakMb: number;
  /** Of resident memory, in the second half of a round. */
  readonly growthMbPerMinute: number;
}

export interface CaseResult {
  readonly name: string;
  readonly rows: number;
  readonly readers: readonly ReaderResult[];
}

export interface PacedCase {
  readonly name: string;
  readonly result: PacedResult;
}

/** The initial snapshot of one table of small rows. */
export interface SnapshotCase {
  readonly reader: "pg-capture" | "debezium";
  readonly rows: number;
  readonly runs: readonly SnapshotMeasurement[];
}

export interface BenchResults {
  /** `2026-11-22` */
  readonly date: string;
  /** `Intel(R) Xeon(R) …, 2 cores, 24 GB` */
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: readonly CaseResult[];
  /** Records a second of Kafka's ProducerPerformance, each round; empty when it was not asked for. */
  readonly producerPerformance: readonly number[];
  readonly paced: readonly PacedCase[];
  readonly snapshots: readonly SnapshotCase[];
  readonly resting: RestingResult | null;
}

/** The machine as /proc describes it. */
export async function describeMachine(): Promise<string> {
  const cpu = /model name\s*:\s*(.+)/.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ?? "unknown CPU";
  const gigabytes = Math.round(Deno.systemMemoryInfo().total / 1e9);
  return `${cpu}, ${navigator.hardwareConcurrency} cores, ${gigabytes} GB`;
}

/** Tables in Markdown. */
export function formatResults(results: BenchResults): string {
  const parts = [
    `${results.date}; ${results.machine}; ${
      Object.entries(results.versions).map(([name, version]) => `${name} ${version}`).join(", ")
    }.`,
  ];
  if (results.cases.length > 0) parts.push(table(CASE_HEAD, results.cases.flatMap(caseRows)));
  if (results.producerPerformance.length > 0) {
    parts.push(
      `Kafka's ProducerPerformance, records as in small-rows, one topic, snappy, acks all, no transactions: ` +
        `${integer(median(results.producerPerformance))} records a second (${
          results.producerPerformance.map(integer).join(", ")
        }).`,
    );
  }
  if (results.paced.length > 0) parts.push(table(PACED_HEAD, results.paced.map(pacedRow)));
  if (results.snapshots.length > 0) parts.push(table(SNAPSHOT_HEAD, results.snapshots.map(snapshotRow)));
  if (results.resting !== null) {
    const { secondsToStreaming, idlePeakMb } = results.resting;
    parts.push(
      `From exec to streaming: ${secondsToStreaming.toFixed(2)} s. Peak memory while idle: ${
        idlePeakMb.toFixed(0)
      } MB.`,
    );
  }
  return parts.join("\n\n");
}

const CASE_HEAD = [
  "case",
  "reader",
  "rows/s",
  "of raw",
  "CPU s per million",
  "PostgreSQL's",
  "Kafka's",
  "peak MB",
  "MB/min",
  "seconds, each run",
];
const PACED_HEAD = [
  "load",
  "transactions/s",
  "p50 ms",
  "p99 ms",
  "p99.9 ms",
  "CPU s per million",
  "peak MB",
  "MB/min",
];

const SNAPSHOT_HEAD = [
  "initial snapshot",
  "rows",
  "rows/s, first to last record",
  "CPU s per million",
  "peak MB",
  "seconds from exec, each run",
];

function snapshotRow({ reader, rows, runs }: SnapshotCase): string[] {
  return [
    reader,
    integer(rows),
    integer(rows / median(runs.map(({ sendingSeconds }) => sendingSeconds))),
    (median(runs.map(({ cpuSeconds }) => cpuSeconds)) * 1_000_000 / rows).toFixed(1),
    Math.max(...runs.map(({ peakMb }) => peakMb)).toFixed(0),
    runs.map(({ seconds }) => seconds.toFixed(2)).join(" "),
  ];
}

function caseRows({ name, readers }: CaseResult): string[][] {
  return readers.map((each) => [
    name,
    each.reader,
    integer(each.rowsPerSecond),
    each.ofRaw.toFixed(2),
    each.cpuSecondsPerMillion.toFixed(1),
    each.postgresCpuPerMillion.toFixed(1),
    each.kafkaCpuPerMillion.toFixed(1),
    each.peakMb.toFixed(0),
    each.growthMbPerMinute.toFixed(0),
    each.seconds.map((seconds) => seconds.toFixed(2)).join(" "),
  ]);
}

function pacedRow({ name, result }: PacedCase): string[] {
  return [
    name,
    integer(result.transactionsPerSecond),
    result.p50.toFixed(1),
    result.p99.toFixed(1),
    result.p999.toFixed(1),
    result.cpuSecondsPerMillion.toFixed(0),
    result.peakMb.toFixed(0),
    result.growthMbPerMinute.toFixed(1),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join(
    "\n",
  );
}

function integer(value: number): string {
  return Math.round(value).toLocaleString("en");
}
