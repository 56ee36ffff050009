// Serves metrics, health and status page of a running capture.

import process from "node:process";
import type { Config } from "../config/config.ts";
import { endpoints } from "../observability/endpoints.ts";
import { startHttpServer } from "../observability/http_server.ts";
import type { ProblemKeeper } from "../observability/last_problem.ts";
import { RecentHistory } from "../observability/recent.ts";
import type { CaptureFacts, Standing } from "../observability/standing.ts";
import type { Statistics } from "../observability/statistics.ts";
import type { WalGuard } from "../observability/wal_guard.ts";
import { VERSION } from "../version.ts";

/** What is watched. */
export interface ServedParts {
  readonly statistics: Statistics;
  readonly walGuard: WalGuard;
  readonly logger: ProblemKeeper;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

/**
 * Serves until disposed of; nothing where METRICS_PORT is 0.
 * @throws CaptureError `configuration` when it can't listen there: to run unwatched should be somebody's decision
 */
export function serve(config: Config, parts: ServedParts): Disposable {
  const { host, port } = config.metrics;
  if (port === 0) return { [Symbol.dispose]() {} };
  const { statistics, walGuard, logger, wallClock } = parts;
  const facts = factsOf(config, wallClock());
  const recent = new RecentHistory(
    { records: () => statistics.deliveredRecords, latency: () => statistics.latency },
    () => performance.now(),
  );
  const standing = (): Standing => ({
    facts,
    atMs: wallClock(),
    reading: statistics.read(),
    wal: walGuard.forecast,
    usage: usage(),
    lastProblem: logger.last,
    rates: recent.rates(),
    recentLatency: recent.latency(),
  });
  try {
    const server = startHttpServer({ host, port }, endpoints(standing));
    logger.info("Serving the status page, /metrics, /healthz and /readyz", {
      address: `${host}:${server.port}`,
    });
    return {
      [Symbol.dispose]() {
        server[Symbol.dispose]();
        recent[Symbol.dispose]();
      },
    };
  } catch (error) {
    recent[Symbol.dispose]();
    throw error;
  }
}

function factsOf({ pg, kafka }: Config, startedAtMs: number): CaptureFacts {
  return {
    version: VERSION,
    runtime: `deno ${Deno.version.deno}`,
    postgres: `${pg.host}:${pg.port}/${pg.database}`,
    slot: pg.slotName,
    publication: pg.publication,
    kafka: kafka.brokers.map(({ host, port }) => `${host}:${port}`).join(","),
    topicPrefix: kafka.topicPrefix,
    delivery: kafka.delivery,
    startedAtMs,
  };
}

function usage() {
  const { rss, heapUsed } = Deno.memoryUsage();
  const { user, system } = process.cpuUsage();
  return { residentBytes: rss, heapBytes: heapUsed, cpuSeconds: (user + system) / 1e6 };
}
