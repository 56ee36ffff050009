// `pg-capture status --health`: checks whether the instance on this machine or in this container is alive.

import { get } from "node:http";
import type { Config } from "../config/config.ts";
import { formatAddress } from "../core/address.ts";
import { CaptureError } from "../core/errors.ts";
import type { CommandOutput } from "./command_output.ts";

const ANSWER_MS_MAX = 3_000;
const EXIT_ALIVE = 0;
// Docker's code for unhealthy. It reserves 2, and 3 means that operator action is needed.
const EXIT_NOT_ALIVE = 1;

/**
 * Requests `/healthz` from the instance on METRICS_HOST and METRICS_PORT. It needs no other setting. A
 * standby that waits for the slot is alive too.
 * @throws CaptureError `configuration` if METRICS_PORT is 0
 */
export async function health(
  { metrics: { host, port } }: { readonly metrics: Pick<Config["metrics"], "host" | "port"> },
  output: Pick<CommandOutput, "print">,
  signal: AbortSignal,
): Promise<number> {
  if (port === 0) {
    throw new CaptureError("configuration", "Cannot check the health: METRICS_PORT is 0", {
      hint: "set METRICS_PORT, or turn the health check off (in Docker: --no-healthcheck)",
    });
  }
  const { address, answer } = await askHealth(host, port, signal);
  output.print(answer === "alive" ? `alive on ${address}\n` : `not alive on ${address}: ${answer}\n`);
  return answer === "alive" ? EXIT_ALIVE : EXIT_NOT_ALIVE;
}

/**
 * Asks whether pg-capture listens there.
 * @returns "alive" or what was found instead, and the address asked
 */
export async function askHealth(
  bindHost: string,
  port: number,
  signal: AbortSignal,
): Promise<{ readonly address: string; readonly answer: string }> {
  const host = reachable(bindHost);
  const answer = await ask(host, port, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]));
  return { address: formatAddress({ host, port }), answer };
}

/** The address to connect to: a server that listens on all addresses is reached on loopback. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::" || host === "[::]") return "::1";
  return host;
}

/** Uses node:http, because fetch would go through HTTP_PROXY. @returns "alive", or what was found instead */
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
