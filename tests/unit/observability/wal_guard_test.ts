// The WAL guard: growth, forecast, and when it warns.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import { WalGuard } from "../../../src/observability/wal_guard.ts";
import { WalLog } from "../../../src/observability/wal_log.ts";
import type { WalState } from "../../../src/pipeline/ports.ts";

const MB = 1_000_000;

Deno.test("growth and forecast follow from the looks of the last minutes", () => {
  const guard = new WalGuard();
  strictEqual(guard.forecast.keptBytes, null);
  guard.take(wal(100 * MB, 900 * MB), 0);
  strictEqual(guard.forecast.growthBytesPerSecond, null);
  guard.take(wal(160 * MB, 840 * MB), 60_000);
  deepStrictEqual(guard.forecast, {
    keptBytes: 160 * MB,
    growthBytesPerSecond: MB,
    status: "reserved",
    bytesLeft: 840 * MB,
    secondsUntilLost: 840,
  });
});

Deno.test("of a slot that another instance holds now, nothing is told", () => {
  const guard = new WalGuard();
  guard.take(wal(100 * MB, 900 * MB), 0);
  guard.take(wal(160 * MB, 840 * MB), 60_000);
  guard.forget();
  strictEqual(guard.forecast.keptBytes, null);
  strictEqual(guard.danger(), "none");
});

Deno.test("a slot that keeps up is not on its way to be lost", () => {
  const guard = new WalGuard();
  for (let second = 0; second < 600; second += 5) guard.take(wal((second % 7) * MB, 900 * MB), second * 1000);
  guard.take(wal(0, 900 * MB), 600_000);
  strictEqual(guard.forecast.secondsUntilLost, null);
  strictEqual(guard.danger(), "none");
});

Deno.test("the WAL of a second outage is reported from the beginning", () => {
  const guard = new WalGuard();
  const outage = (atMs: number) =>
    [2, 4, 8, 16].map((gb, index) => {
      guard.take(wal(gb * 2 ** 30, null), atMs + index * 1000);
      return guard.danger();
    });
  guard.take(wal(0, null), 0);
  deepStrictEqual(outage(1_000), ["growing", "growing", "growing", "growing"]);
  guard.take(wal(0, null), 400_000);
  strictEqual(guard.danger(), "none");
  deepStrictEqual(outage(401_000), ["growing", "growing", "growing", "growing"]);
});

Deno.test("it warns before the slot is lost, again after five minutes, and says when that is over", () => {
  const { guard, log, said } = watched();
  for (let second = 0; second <= 400; second += 5) {
    guard.take(wal(second * MB, (2000 - second) * MB), second * 1000);
    log.report(second * 1000);
  }
  deepStrictEqual(
    said.map((line) => line.slice(0, 43)),
    Array(2).fill("The slot will be invalidated within an hour"),
  );
  match(said[0] ?? "", /max_slot_wal_keep_size/);
  guard.take(wal(400 * MB, 10, "unreserved"), 405_000);
  log.report(405_000);
  match(said[2] ?? "", /at its next checkpoint/);
  for (let second = 410; second < 1000; second += 5) guard.take(wal(0, 2000 * MB), second * 1000);
  log.report(1_000_000);
  match(said[3] ?? "", /out of danger/);
});

Deno.test("a burst of a few seconds is no trend", () => {
  const { guard, log, said } = watched();
  for (let second = 0; second <= 20; second += 5) {
    guard.take(wal(second * 10 * MB, 300 * MB), second * 1000);
    log.report(second * 1000);
  }
  deepStrictEqual(said, []);
});

Deno.test("without a bound it warns at each doubling from 1 GB on", () => {
  const { guard, log, said } = watched();
  for (let second = 0; second <= 5000; second += 5) {
    guard.take(wal(second * MB, null), second * 1000);
    log.report(second * 1000);
  }
  strictEqual(said.length, 3);
});

function watched() {
  const said: string[] = [];
  const guard = new WalGuard();
  const say = (message: string, fields: unknown) => said.push(`${message} ${JSON.stringify(fields)}`);
  return { said, guard, log: new WalLog({ warn: say, info: say }, guard) };
}

function wal(keptBytes: number, bytesLeft: number | null, status: WalState["status"] = "reserved"): WalState {
  return { end: BigInt(keptBytes) + 1000n, keptFrom: 1000n, status, bytesLeft, visibility: null };
}
