// Serves metrics, health and status page of a running capture.

import process from "node:process";
import type { Config } from "../config/config.ts";
import { machineName } from "../config/environment.ts";
import { hostRule } from "../observability/allowed_hosts.ts";
import { endpoints } from "../observability/endpoints.ts";
import { isPortInUse, startHttpServer } from "../observability/http_server.ts";
import type { LastProblemLogger } from "../observability/last_problem_logger.ts";
import { RecentHistory } from "../observability/recent.ts";
import type { CaptureFacts, StatusSnapshot } from "../observability/status_snapshot.ts";
import type { Statistics } from "../observability/statistics.ts";
import type { WalGuard } from "../observability/wal_guard.ts";
import { VERSION } from "../version.ts";
import { kafkaPlace, postgresPlace } from "./adapters.ts";

/** The parts whose state is served. */
interface ServedParts {
  readonly statistics: Statistics;
  readonly walGuard: WalGuard;
  readonly logger: LastProblemLogger;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

// A standby on the same machine gets the port once the active instance ends.
const PORT_RETRY_MS = 5_000;
// Limits the log: any client that reaches the port can cause this warning.
const UNEXPECTED_HOST_EVERY_MS = 60_000;

/**
 * Serves until disposed of; does nothing if METRICS_PORT is 0. If the port is in use, it retries: capture matters more
 * than metrics, and a standby has the same settings as the active instance.
 * @throws CaptureError `configuration` if it can never listen there
 */
export function serve(config: Config, parts: ServedParts): Disposable {
  const { host, port, allowedHosts } = config.metrics;
  if (port === 0) return { [Symbol.dispose]() {} };
  const { statistics, walGuard, logger, wallClock } = parts;
  const facts = factsOf(config, wallClock());
  const recent = new RecentHistory(
    { records: () => statistics.deliveredRecords, latency: () => statistics.latency },
    () => performance.now(),
  );
  const snapshot = (): StatusSnapshot => ({
    facts,
    atMs: wallClock(),
    reading: statistics.read(),
    wal: walGuard.forecast,
    usage: usage(),
    lastProblem: logger.last,
    rates: recent.rates(),
    recentLatency: recent.latency(),
  });
  const http = {
    host,
    port,
    expectsHost: hostRule({ bindHost: host, machineName: machineName(), allowed: allowedHosts }),
    onUnexpectedHost: warnOfHosts(logger),
    onListenerLost: (error: unknown) =>
      logger.warn("The listener on METRICS_PORT failed; reopening it", { error }),
    onListenerBack: () => logger.info("Listening on METRICS_PORT again"),
  };
  let server: Disposable | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  const listen = (isFirst: boolean) => {
    try {
      const started = startHttpServer(http, endpoints(snapshot));
      server = started;
      logger.info("Serving the status page, /metrics, /healthz and /readyz", {
        address: `${host}:${started.port}`,
      });
    } catch (error) {
      if (!isPortInUse(error)) throw error;
      if (isFirst) logger.warn(`${error.message}; retrying until the port is free`, { fix: error.fix });
      retry = setTimeout(() => listen(false), PORT_RETRY_MS);
      Deno.unrefTimer(retry);
    }
  };
  const stop = () => {
    clearTimeout(retry);
    server?.[Symbol.dispose]();
    recent[Symbol.dispose]();
  };
  try {
    listen(true);
  } catch (error) {
    stop();
    throw error;
  }
  return { [Symbol.dispose]: stop };
}

function warnOfHosts(logger: LastProblemLogger): (host: string) => void {
  let warnedAt: number | undefined;
  return (host) => {
    const now = performance.now();
    if (warnedAt !== undefined && now - warnedAt < UNEXPECTED_HOST_EVERY_MS) return;
    warnedAt = now;
    logger.warn(
      "Rejected a request to METRICS_PORT: its Host header names an unexpected host",
      {
        host,
        fix: "if the name is correct, add it to METRICS_ALLOWED_HOSTS",
      },
    );
  };
}

function factsOf({ pg, kafka }: Config, startedAtMs: number): CaptureFacts {
  return {
    version: VERSION,
    runtime: `deno ${Deno.version.deno}`,
    postgres: postgresPlace(pg),
    slot: pg.slotName,
    publication: pg.publication,
    kafka: kafkaPlace(kafka.brokers),
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
