// What the log says of a capture's life.

import { deepStrictEqual } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { LifecycleLog } from "../../../src/observability/lifecycle_log.ts";
import { WalGuard } from "../../../src/observability/wal_guard.ts";

Deno.test("the same reason to try again is logged every 5 s, another one at once", () => {
  const said: string[] = [];
  const warn = (message: string) => said.push(message);
  let now = 0;
  const log = new LifecycleLog(
    { trace() {}, debug() {}, info() {}, warn, error() {} },
    new WalGuard(),
    () => now,
  );
  for (; now < 10_000; now += 500) log.retrying(new CaptureError("kafka-unavailable", "refused"), 500);
  log.retrying(new CaptureError("kafka-unclear", "lost"), 100);
  log.retrying(new CaptureError("kafka-unavailable", "refused"), 100);
  deepStrictEqual(said, ["refused", "refused", "lost", "refused"]);
});
