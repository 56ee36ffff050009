// `pg-capture status`: slot, lag, checkpoint, Kafka progress and snapshots side by side.

import { joinReason } from "../core/reason.ts";
import { formatAddress } from "../core/address.ts";
import type { Config } from "../config/config.ts";
import { CaptureError } from "../core/errors.ts";
import { escapeControls } from "../observability/escape.ts";
import { formatLsn, type Lsn, type Progress } from "../core/position.ts";
import type { SnapshotState } from "../core/snapshot_state.ts";
import { KafkaInspection } from "../sink/inspection.ts";
import { inspectSystem, PostgresInspection } from "../source/inspection.ts";
import { postgresOptions } from "./adapters.ts";
import { readCheckpoint } from "./check/agreement.ts";
import { formatBytes, formatVersion } from "./check/units.ts";
import type { CommandOutput } from "./command_output.ts";
import { EXIT_OK, exitCodeOf } from "./exit_code.ts";
import { kafkaSecurity } from "./kafka_security.ts";
import { summaryJson, summaryLines } from "./snapshot/summary.ts";
import type { Style } from "./style.ts";

/** A value, or the error that replaces it. */
type Attempt<T> = { readonly value: T } | { readonly error: CaptureError };

/** Prints what could be read. @returns 0, or the exit code of the first error */
export async function status(
  config: Config,
  { json }: { readonly json: boolean },
  output: CommandOutput,
  signal: AbortSignal,
): Promise<number> {
  const postgres = await attempted(output.waiting("asking PostgreSQL", readPostgres(config, signal)));
  const { kafka, snapshots } = "error" in postgres
    ? { kafka: postgres, snapshots: postgres }
    : await output.waiting("asking Kafka", readKafka(config, postgres.value.systemIdentifier, signal));
  const checkpoint = await attempted(readCheckpoint(config));
  const report = {
    postgres: shown(postgres, (value) => value),
    kafka: shown(
      kafka,
      (progress) => ({ progress: progress === null ? null : formatLsn(progress.position.endLsn) }),
    ),
    checkpoint: shown(checkpoint, (value) => ({
      file: config.replication.checkpointFile,
      position: value === null ? null : formatLsn(value.progress.position.endLsn),
    })),
    snapshots: shown(snapshots, summaryJson),
  };
  if (json) output.printJson(report);
  else {
    const rows = [...lines(config, report), ...snapshotLines(snapshots, kafka)];
    output.print(formatRows(rows, output.style));
  }
  const faults = [postgres, kafka, checkpoint, snapshots].flatMap((each) =>
    "error" in each ? [each.error] : []
  );
  return faults.length === 0 ? EXIT_OK : exitCodeOf(faults[0]);
}

async function readPostgres(config: Config, signal: AbortSignal) {
  const options = postgresOptions(config);
  using inspection = await PostgresInspection.open(options, signal);
  const server = await inspection.server(signal);
  const slot = await inspection.slot(config.pg.slotName, signal);
  const system = await inspectSystem(options, signal);
  return {
    version: formatVersion(server.versionNumber),
    server: formatAddress(inspection.connection.server),
    systemIdentifier: system.systemIdentifier,
    timeline: system.timeline,
    slot: slot && {
      name: config.pg.slotName,
      activePid: slot.activePid,
      confirmed: slot.confirmed === null ? null : formatLsn(slot.confirmed),
      walEnd: formatLsn(slot.walEnd),
      lagBytes: bytesBetween(slot.confirmed, slot.walEnd),
      keptBytes: slot.keptBytes,
      walStatus: slot.walStatus,
      bytesLeft: slot.bytesLeft,
    },
  };
}

async function readKafka(
  config: Config,
  systemIdentifier: string,
  signal: AbortSignal,
): Promise<
  { readonly kafka: Attempt<Progress | null>; readonly snapshots: Attempt<readonly SnapshotState[]> }
> {
  const { brokers, topicPrefix, delivery } = config.kafka;
  const { database, slotName: slot } = config.pg;
  const identity = { systemIdentifier, database, slot };
  const opened = await attempted(Promise.try(() => new KafkaInspection(brokers, kafkaSecurity(config))));
  if ("error" in opened) return { kafka: opened, snapshots: opened };
  using inspection = opened.value;
  const kafka = await attempted(inspection.progress(topicPrefix, identity, signal));
  if ("error" in kafka && kafka.error.kind === "kafka-unavailable") return { kafka, snapshots: kafka };
  const ledger = inspection.snapshots(topicPrefix, identity, delivery, signal);
  const snapshots = await attempted(ledger.then((found) => found?.states ?? []));
  return { kafka, snapshots };
}

async function attempted<T>(promise: Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await promise };
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return { error };
  }
}

function shown<T, S>(
  attempt: Attempt<T>,
  show: (value: T) => S,
): S | { readonly error: string; readonly fix: string | null } {
  return "error" in attempt ? faultOf(attempt.error) : show(attempt.value);
}

function faultOf({ message, fix }: CaptureError): { readonly error: string; readonly fix: string | null } {
  return { error: message, fix: fix ?? null };
}

type Shown<T> = T | { readonly error: string; readonly fix: string | null };

interface Report {
  readonly postgres: Shown<Awaited<ReturnType<typeof readPostgres>>>;
  readonly kafka: Shown<{ readonly progress: string | null }>;
  readonly checkpoint: Shown<{ readonly file: string; readonly position: string | null }>;
}

function lines(
  { pg, kafka: kafkaConfig }: Config,
  { postgres, kafka, checkpoint }: Report,
): readonly (readonly [string, string])[] {
  const rows: (readonly [string, string])[] = [];
  if ("error" in postgres) rows.push(["PostgreSQL", fault(postgres)]);
  else {
    const { version, server, slot, systemIdentifier, timeline } = postgres;
    rows.push([
      "PostgreSQL",
      `${version} at ${server}/${pg.database}, system ${systemIdentifier}, timeline ${timeline}`,
    ]);
    if (slot === null) rows.push(["slot", `${pg.slotName} does not exist`]);
    else {
      rows.push([
        "slot",
        `${slot.name}, ${slot.activePid === null ? "not in use" : `in use by process ${slot.activePid}`}`,
      ]);
      rows.push(["WAL end", slot.walEnd]);
      rows.push(["confirmed", slot.confirmed ?? "nothing yet"]);
    }
  }
  if (!("error" in postgres && "error" in kafka)) {
    rows.push([
      "Kafka",
      "error" in kafka
        ? fault(kafka)
        : kafka.progress ?? `no progress record under ${kafkaConfig.topicPrefix}`,
    ]);
  }
  rows.push([
    "checkpoint",
    "error" in checkpoint ? fault(checkpoint) : `${checkpoint.position ?? "none"}  (${checkpoint.file})`,
  ]);
  if ("error" in postgres || postgres.slot === null) return rows;
  const { lagBytes, keptBytes, walStatus, bytesLeft } = postgres.slot;
  rows.push(["lag", lagBytes === null ? "unknown" : formatBytes(lagBytes)]);
  const left = bytesLeft === null ? "" : `, ${formatBytes(bytesLeft)} left`;
  rows.push([
    "retained WAL",
    keptBytes === null ? "unknown" : `${formatBytes(keptBytes)} (${walStatus}${left})`,
  ]);
  return rows;
}

/** No lines if there are no snapshots, or if they can't be read for a reason that is shown already. */
function snapshotLines(
  snapshots: Attempt<readonly SnapshotState[]>,
  kafka: Attempt<unknown>,
): readonly (readonly [string, string])[] {
  if ("error" in snapshots) {
    const isShown = "error" in kafka && kafka.error === snapshots.error;
    return isShown ? [] : [["snapshots", fault(faultOf(snapshots.error))]];
  }
  if (snapshots.value.length === 0) return [];
  return summaryLines(snapshots.value).map((line, index) => [index === 0 ? "snapshots" : "", line]);
}

function fault({ error, fix }: { readonly error: string; readonly fix: string | null }): string {
  return joinReason(error, fix);
}

function formatRows(rows: readonly (readonly [string, string])[], style: Style): string {
  return rows.map(([name, value]) => `${style.strong(name.padEnd(NAME_WIDTH))}${escapeControls(value)}\n`)
    .join("");
}

const NAME_WIDTH = 14;

function bytesBetween(from: Lsn | null, to: Lsn): number | null {
  if (from === null) return null;
  return to > from ? Number(to - from) : 0;
}
