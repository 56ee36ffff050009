// `pg-capture teardown`: drops the slot and, on request, the publication and the progress.

import type { Config } from "../config/config.ts";
import { CaptureError } from "../core/errors.ts";
import { escapeControls } from "../observability/escape.ts";
import { progressTopic, snapshotTopic } from "../sink/topics.ts";
import { removeProgress } from "../sink/progress_removal.ts";
import { quoteIdentifier, quoteLiteral } from "../source/connection.ts";
import { inspectSystem, PostgresInspection } from "../source/inspection.ts";
import { postgresOptions } from "./adapters.ts";
import type { CommandOutput } from "./command_output.ts";
import { kafkaSecurity } from "./kafka_security.ts";

/** What to drop besides the slot, and whether to do it or only print it. */
interface TeardownOptions {
  readonly yes: boolean;
  readonly publication: boolean;
  readonly progress: boolean;
}

interface Step {
  readonly description: string;
  readonly run: () => Promise<unknown>;
}

/**
 * Drops everything, or prints what it would drop.
 * @returns 0
 * @throws CaptureError `slot-in-use` while pg-capture is running, or the error of a step
 */
export async function teardown(
  config: Config,
  options: TeardownOptions,
  output: CommandOutput,
  signal: AbortSignal,
): Promise<number> {
  using inspection = await output.waiting(
    "connecting to PostgreSQL",
    PostgresInspection.open(postgresOptions(config), signal),
  );
  const steps = await output.waiting("reading the slot", stepsOf(config, options, inspection, signal));
  for (const { description, run } of steps) {
    if (options.yes) await output.waiting(description, run());
    output.print(`${options.yes ? "done" : "would do"}: ${escapeControls(description)}\n`);
  }
  if (steps.length === 0) output.print("nothing to do\n");
  else if (!options.yes) {
    output.print(
      "Nothing was changed. Add --yes to do it; changes since the last confirmed position are then lost.\n",
    );
  }
  return 0;
}

async function stepsOf(
  config: Config,
  options: TeardownOptions,
  inspection: PostgresInspection,
  signal: AbortSignal,
): Promise<readonly Step[]> {
  const { connection } = inspection;
  const { slotName, publication, database } = config.pg;
  const steps: Step[] = [];
  const slot = await inspection.slot(slotName, signal);
  if (slot !== null) {
    if (slot.activePid !== null) throw heldBy(slotName, slot.activePid);
    const sql = `SELECT pg_catalog.pg_drop_replication_slot(${quoteLiteral(slotName)})`;
    steps.push({
      description: `drop slot "${slotName}"`,
      run: () => connection.query(sql, `drop slot "${slotName}"`, signal),
    });
  }
  if (options.publication) {
    const sql = `DROP PUBLICATION IF EXISTS ${quoteIdentifier(publication)}`;
    const description = `drop publication "${publication}"`;
    steps.push({ description, run: () => connection.query(sql, description, signal) });
  }
  if (!options.progress) return steps;
  const { systemIdentifier } = await inspectSystem(postgresOptions(config), signal);
  const identity = { systemIdentifier, database, slot: slotName };
  const { brokers, topicPrefix } = config.kafka;
  const security = kafkaSecurity(config);
  steps.push({
    description: `remove this slot's progress record from topic ${progressTopic(topicPrefix)}, ` +
      `and the states of its snapshots from topic ${snapshotTopic(topicPrefix)}`,
    run: () => removeProgress({ brokers, security }, topicPrefix, identity, signal),
  });
  const file = config.replication.checkpointFile;
  steps.push({ description: `remove checkpoint file ${file}`, run: () => removeFiles(file) });
  return steps;
}

function heldBy(slot: string, pid: number): CaptureError {
  return new CaptureError(
    "slot-in-use",
    `Cannot drop slot "${slot}": PostgreSQL process ${pid} is using it`,
    {
      hint: `stop the pg-capture that is running; if there is none: SELECT pg_terminate_backend(${pid});`,
    },
  );
}

/** Removes the file and SQLite's files next to it. */
async function removeFiles(file: string): Promise<void> {
  for (const path of [file, `${file}-wal`, `${file}-shm`]) {
    try {
      await Deno.remove(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      const found = error instanceof Error ? error.message : String(error);
      throw new CaptureError("checkpoint-unavailable", `Cannot remove "${path}": ${found}`, { cause: error });
    }
  }
}
