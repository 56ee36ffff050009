// How a capture stands at one moment: what metrics, readiness and the status page are made of.

import type { HistogramReading } from "./histogram.ts";
import type { Problem } from "./last_problem_logger.ts";
import type { StatisticsReading } from "./statistics.ts";
import { lagBytes, lagSeconds } from "./status_line.ts";
import type { WalForecast } from "./wal_guard.ts";

/** What does not change while it runs. */
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

/** What the process itself uses. */
export interface ProcessUsage {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly cpuSeconds: number;
}

/** Everything, at one moment. */
export interface StatusSnapshot {
  readonly facts: CaptureFacts;
  readonly atMs: number;
  readonly reading: StatisticsReading;
  readonly wal: WalForecast;
  readonly usage: ProcessUsage;
  readonly lastProblem: Problem | null;
  /** Records a second during the last minutes, oldest first. */
  readonly rates: readonly number[];
  /** Latency of the last minute's records, in seconds. */
  readonly recentLatency: HistogramReading;
}

/** Whether changes flow: PostgreSQL and Kafka are both there and the slot is held. */
export function isReady({ states }: StatisticsReading): boolean {
  return states.postgres === "streaming" && states.kafka === "streaming";
}

/** What is behind; null where it isn't known. */
export function lagOf({ reading, atMs }: StatusSnapshot): {
  readonly bytes: number | null;
  readonly seconds: number | null;
} {
  return { bytes: lagBytes(reading), seconds: lagSeconds(reading, atMs) };
}
