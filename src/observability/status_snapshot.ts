// The state of a capture at one moment, for metrics, readiness and the status page.

import type { HistogramReading } from "./histogram.ts";
import type { Problem } from "./last_problem_logger.ts";
import type { StatisticsReading } from "./statistics.ts";
import { lagBytes, lagSeconds } from "./status_line.ts";
import type { WalForecast } from "./wal_guard.ts";

/** Facts that do not change while the process runs. */
export interface CaptureFacts {
  readonly version: string;
  readonly runtime: string;
  /** `host:port/database`. */
  readonly postgres: string;
  readonly slot: string;
  readonly publication: string;
  /** `host:port`, comma-separated. */
  readonly kafka: string;
  readonly topicPrefix: string;
  readonly delivery: string;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
}

/** The resources that the process uses. */
interface ProcessUsage {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly cpuSeconds: number;
}

/** The whole state at one moment. */
export interface StatusSnapshot {
  readonly facts: CaptureFacts;
  readonly atMs: number;
  readonly reading: StatisticsReading;
  readonly wal: WalForecast;
  readonly usage: ProcessUsage;
  readonly lastProblem: Problem | null;
  /** Records per second during the last two minutes, oldest first. */
  readonly rates: readonly number[];
  /** Latency of the last minute's records, in seconds. */
  readonly recentLatency: HistogramReading;
}

/** Whether changes are streaming: PostgreSQL and Kafka are connected, and this instance holds the slot. */
export function isReady({ states }: StatisticsReading): boolean {
  return states.postgres === "streaming" && states.kafka === "streaming";
}

/** How far delivery is behind; null if unknown. */
export function lagOf({ reading, atMs }: StatusSnapshot): {
  readonly bytes: number | null;
  readonly seconds: number | null;
} {
  return { bytes: lagBytes(reading), seconds: lagSeconds(reading, atMs) };
}
