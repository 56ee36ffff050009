// `pg-capture status --health`: whether the instance of this machine or container is alive, for who restarts it.

import { get } from "node:http";
import type { Config } from "../config/config.ts";
import { CaptureError } from "../core/errors.ts";
import type { CommandOutput } from "./command_output.ts";

const ANSWER_MS_MAX = 3_000;
const EXIT_ALIVE = 0;
// What Docker calls unhealthy; it keeps 2 for itself, and 3 would say that a person is needed.
const EXIT_NOT_ALIVE = 1;

/**
 * Asks `/healthz` of the instance on METRICS_HOST and METRICS_PORT, and needs no other setting. A standby that waits
 * for the slot is alive, too.
 * @throws CaptureError `configuration` where METRICS_PORT is 0
 */
export async function health(
  { metrics: { host, port } }: { readonly metrics: Pick<Config["metrics"], "host" | "port"> },
  output: Pick<CommandOutput, "print">,
  signal: AbortSignal,
): Promise<number> {
  if (port === 0) {
    throw new CaptureError("configuration", "Cannot tell the health: METRICS_PORT is 0", {
      hint: "set METRICS_PORT, or do without the health check (in Docker: --no-healthcheck)",
    });
  }
  const address = reachable(host);
  const found = await ask(address, port, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]));
  const where = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  output.print(found === "alive" ? `alive on ${where}\n` : `not alive on ${where}: ${found}\n`);
  return found === "alive" ? EXIT_ALIVE : EXIT_NOT_ALIVE;
}

/** The address to ask at: what listens on all addresses is asked on the loopback one. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::" || host === "[::]") return "::1";
  return host;
}

/** node:http, because fetch would go through HTTP_PROXY. @returns "alive", or what was found in its place */
function ask(host: string, port: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host, port, path: "/healthz", signal, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? "alive" : `answered ${response.statusCode}`);
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      resolve(signal.aborted ? "no answer in time" : error.code ?? error.message);
    });
  });
}
