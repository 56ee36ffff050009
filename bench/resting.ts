// What pg-capture costs before and between changes: from exec to streaming, and memory while idle.

import { startCapture } from "../dev/servers/capture_process.ts";
import { freePort } from "../dev/servers/ports.ts";
import { delay } from "../dev/servers/server_process.ts";
import { dropSlot, makeBacklog } from "./backlog.ts";
import { usageOf } from "./process_usage.ts";
import { captureEnvironment } from "./readers.ts";
import type { Servers } from "./servers.ts";
import { median } from "./statistics.ts";

export interface RestingResult {
  /** From exec to the log line that says so, in seconds; the median of the starts. */
  readonly secondsToStreaming: number;
  /** VmHWM after a while of idling, HTTP and its page included. */
  readonly idlePeakMb: number;
}

const STARTS = 5;
const IDLE_MS = 20_000;

/** @param executable `dist/pg-capture`; from source when not given */
export async function measureResting(
  servers: Servers,
  executable: string | undefined,
): Promise<RestingResult> {
  const slot = "resting";
  const backlog = await makeBacklog(
    servers,
    {
      ...{ name: "resting", description: "", rows: 0 },
      setup: () => "CREATE TABLE t (id bigint PRIMARY KEY)",
      fill: () => [],
    },
    0,
    [slot],
  );
  const seconds: number[] = [];
  let idlePeakMb = 0;
  for (let start = 0; start < STARTS; start++) {
    const port = freePort();
    const env = await captureEnvironment(backlog, {
      ...{ slot, topicPrefix: "resting", executable },
      env: { METRICS_PORT: String(port) },
    });
    const streaming = Promise.withResolvers<number>();
    const startedAt = performance.now();
    await using capture = await startCapture({
      env,
      ...(executable === undefined ? {} : { executable }),
      onLine: (line) => line.includes("Streaming") && streaming.resolve(performance.now()),
    });
    seconds.push((await streaming.promise - startedAt) / 1000);
    if (start === STARTS - 1) {
      for (const path of ["", "metrics", "readyz"]) {
        await (await fetch(`http://127.0.0.1:${port}/${path}`)).text();
      }
      await delay(IDLE_MS);
      idlePeakMb = (await usageOf(capture.pid))?.peakMb ?? NaN;
    }
    await capture.terminate();
  }
  await dropSlot(backlog, slot);
  return { secondsToStreaming: median(seconds), idlePeakMb };
}
