// What `run` needs from its own machine: METRICS_PORT, and a checkpoint file that can be written.

import { dirname } from "node:path";
import { KvCheckpointStore } from "../../checkpoint/kv_store.ts";
import type { Config } from "../../config/config.ts";
import { formatAddress } from "../../core/address.ts";
import { CaptureError } from "../../core/errors.ts";
import { isPortInUse, tryListening } from "../../observability/http_server.ts";
import { askHealth } from "../health.ts";
import { failed, type Finding, type Findings, ok, warning } from "./finding.ts";

/** Runs all checks of this machine. */
export async function* localFindings(config: Config, signal: AbortSignal): Findings {
  yield await metricsPortFinding(config, signal);
  yield await checkpointFinding(config);
}

/** Whether `run` continues without the checkpoint: under exactly-once, Kafka's progress record is enough. */
export function canDoWithoutCheckpoint({ kafka }: Config, error: unknown): error is CaptureError {
  return kafka.delivery === "exactly-once" && error instanceof CaptureError &&
    error.kind === "checkpoint-unavailable";
}

/** `run` retries a port that is in use, and ends with any other error. */
async function metricsPortFinding({ metrics }: Config, signal: AbortSignal): Promise<Finding> {
  const check = "METRICS_PORT";
  const { host, port } = metrics;
  if (port === 0) return ok(check, "0: no status page, no metrics");
  try {
    tryListening(host, port);
    return ok(check, `${formatAddress({ host, port })} is free`);
  } catch (error) {
    if (!isPortInUse(error)) return failed(check, error);
    const { address, answer } = await askHealth(host, port, signal);
    return answer === "alive"
      ? ok(check, `pg-capture is running on ${address}`)
      : warning(check, `${error.message}; retrying until the port is free`, error.fix);
  }
}

async function checkpointFinding(config: Config): Promise<Finding> {
  const check = "Checkpoint: file";
  const path = config.replication.checkpointFile;
  try {
    await tryWriting(path);
    return ok(check, `${path} can be written`);
  } catch (error) {
    return canDoWithoutCheckpoint(config, error)
      ? warning(check, `${error.message}; the progress record in Kafka serves alone`, error.fix)
      : failed(check, error);
  }
}

/**
 * Opens the file if it exists; otherwise creates a file with another name in its place, and removes it with the
 * directories that had to be created. Another instance may create the file at the same time: its own is never touched.
 */
async function tryWriting(path: string): Promise<void> {
  if (await exists(path)) return await open(path);
  const directories = await missingDirectories(dirname(path));
  const probe = `${path}.check-${crypto.randomUUID().slice(0, 8)}`;
  try {
    await open(probe);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    const { kind, message, fix, cause } = error;
    throw new CaptureError(kind, message.replaceAll(probe, path), {
      ...(fix === undefined ? {} : { hint: fix }),
      cause,
    });
  } finally {
    const files = ["", "-wal", "-shm", "-journal"].map((suffix) => `${probe}${suffix}`);
    // Only empty directories can be removed this way.
    for (const each of [...files, ...directories]) await Deno.remove(each).catch(() => {});
  }
}

async function open(path: string): Promise<void> {
  using store = new KvCheckpointStore(path);
  await store.kv();
}

/** Deepest first. */
async function missingDirectories(path: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let each = path; !await exists(each) && each !== dirname(each); each = dirname(each)) {
    missing.push(each);
  }
  return missing;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
