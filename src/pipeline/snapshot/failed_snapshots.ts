// Reports the tables whose initial snapshots failed, once nothing else is left to do.

import { CaptureError } from "../../core/errors.ts";
import { INITIAL, type SnapshotSettings } from "./snapshot_settings.ts";
import type { TableRun } from "./table_run.ts";

/** @throws CaptureError `postgres-refused` if one of them failed */
export function throwFailed(runs: Iterable<TableRun>, { includes }: SnapshotSettings): void {
  const failed = [...runs].filter((run) => run.status === "failed" && run.id === INITIAL && includes(run));
  const [first] = failed;
  if (first === undefined) return;
  const more = failed.length === 1 ? "" : ` (and ${failed.length - 1} more)`;
  throw new CaptureError("postgres-refused", `Cannot complete the initial snapshot: ${first.reason}${more}`);
}
