// `pg-capture snapshot`: requests snapshots, controls them, and shows their progress.

import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import { CaptureError, unreachable } from "../core/errors.ts";
import type { SourceIdentity } from "../core/position.ts";
import type { SnapshotState } from "../core/snapshot_state.ts";
import type { TableName } from "../core/table_name.ts";
import { escapeControls } from "../observability/escape.ts";
import { SnapshotClient } from "../sink/snapshot_client.ts";
import { WHERE_LENGTH_MAX } from "../sink/snapshot_request.ts";
import { REQUEST_KEPT_HOURS } from "../sink/topics.ts";
import { inspectSystem, PostgresInspection } from "../source/inspection.ts";
import { readPublication } from "../source/publication.ts";
import { postgresOptions } from "./adapters.ts";
import type { SnapshotAction } from "./args.ts";
import { formatCount, formatSeconds } from "./check/units.ts";
import type { CommandOutput } from "./command_output.ts";
import { EXIT_ACTION_NEEDED, EXIT_INTERRUPTED, EXIT_OK } from "./exit_code.ts";
import { kafkaSecurity } from "./kafka_security.ts";
import type { SnapshotDisplay } from "./snapshot/display.ts";
import { formatSnapshots, snapshotJson, sortedByTable } from "./snapshot/list.ts";
import { matchedTables, parseTables, tableAsPattern } from "./snapshot/target.ts";
import { type SentRequest, waitForSnapshots } from "./snapshot/wait.ts";

/** The parts that the command uses. */
export interface SnapshotParts {
  readonly output: CommandOutput;
  readonly display: SnapshotDisplay;
  /** The width of the terminal on standard output; undefined if it is not a terminal. */
  readonly columns: number | undefined;
  readonly clock: Clock;
  /** Returns a number from 0 to 1. */
  readonly random: () => number;
}

/**
 * Carries out the action.
 * @returns 0; with `wait`, 3 if not all rows were sent, and 130 if the signal ends the wait
 * @throws CaptureError
 */
export async function snapshot(
  config: Config,
  action: SnapshotAction,
  parts: SnapshotParts,
  signal: AbortSignal,
): Promise<number> {
  switch (action.kind) {
    case "list":
      return await list(config, action.json, parts, signal);
    case "start":
      return await start(config, action, parts, signal);
    case "pause":
    case "resume":
    case "stop":
      return await steer(config, action, parts, signal);
    default:
      return unreachable(action);
  }
}

async function list(
  config: Config,
  json: boolean,
  { output, columns }: SnapshotParts,
  signal: AbortSignal,
): Promise<number> {
  const identity = await output.waiting("asking PostgreSQL", identityOf(config, signal));
  using client = clientOf(config, identity);
  const states = sortedByTable((await output.waiting("asking Kafka", client.read(signal))).states);
  if (json) output.printJson(states.map(snapshotJson));
  else if (states.length === 0) output.print("no snapshots yet\n");
  else output.print(formatSnapshots(states, output.style, columns));
  return EXIT_OK;
}

type Start = Extract<SnapshotAction, { readonly kind: "start" }>;

async function start(
  config: Config,
  { tables: texts, where, wait }: Start,
  parts: SnapshotParts,
  signal: AbortSignal,
): Promise<number> {
  const { output, clock, random } = parts;
  const patterns = parseTables(texts);
  if (where !== null && where.length > WHERE_LENGTH_MAX) throw whereTooLong(where.length);
  const source = await output.waiting("asking PostgreSQL", readSource(config, signal));
  const tables = matchedTables(patterns, source.tables, config.pg);
  using client = clientOf(config, source.identity);
  const before = await output.waiting("asking Kafka", client.read(signal));
  const now = clock.wall();
  const id = requestId(now, random());
  const request = { kind: "start", id, tables: texts, where } as const;
  const offset = await output.waiting("sending the request", client.send(request, now, signal));
  const count = patterns.length === tables.length ? "" : ` (${formatCount(tables.length)} tables)`;
  output.print(`Requested snapshot ${id} of ${shown(texts)}${count}\n`);
  if (!source.isActive) output.print(notRunning(config));
  if (!wait) return EXIT_OK;
  return await follow({ id, offset, tables, before }, client, parts, signal);
}

async function steer(
  config: Config,
  { kind, tables: texts }: Extract<SnapshotAction, { readonly kind: "pause" | "resume" | "stop" }>,
  { output, clock }: SnapshotParts,
  signal: AbortSignal,
): Promise<number> {
  const patterns = parseTables(texts);
  const source = await output.waiting("asking PostgreSQL", readSource(config, signal));
  using client = clientOf(config, source.identity);
  const { states } = await output.waiting("asking Kafka", client.read(signal));
  // A table with a snapshot may no longer be published.
  matchedTables(patterns, [...source.tables, ...states], config.pg);
  await output.waiting("sending the request", client.send({ kind, tables: texts }, clock.wall(), signal));
  const which = texts.length === 0 ? "all snapshots" : `the snapshots of ${shown(texts)}`;
  output.print(`Requested to ${kind} ${which}\n`);
  if (!source.isActive) output.print(notRunning(config));
  return EXIT_OK;
}

async function follow(
  sent: SentRequest,
  client: SnapshotClient,
  { output, display, clock }: SnapshotParts,
  signal: AbortSignal,
): Promise<number> {
  const startedAtMs = clock.now();
  try {
    const read = (signal: AbortSignal) => client.read(signal);
    const { states, absent } = await waitForSnapshots(sent, { read, display, clock }, signal);
    for (const table of absent) {
      display.note(
        `pg-capture has no snapshot of ${tableAsPattern(table)}: the publication does not have it any more`,
      );
    }
    const unfinished = states.filter(({ status }) => status !== "complete");
    for (const state of unfinished) display.note(endText(state));
    if (absent.length > 0 || unfinished.length > 0) return EXIT_ACTION_NEEDED;
    const rows = states.reduce((sum, state) => sum + state.rows, 0);
    const tables = states.length === 1 ? "" : ` of ${formatCount(states.length)} tables`;
    const took = formatSeconds((clock.now() - startedAtMs) / 1000);
    output.print(`Complete: ${formatCount(rows)} rows${tables} in ${took}\n`);
    return EXIT_OK;
  } catch (error) {
    if (!signal.aborted) throw error;
    display.note("The snapshot goes on; pg-capture snapshot --list shows it");
    return EXIT_INTERRUPTED;
  }
}

function endText(state: SnapshotState): string {
  const reason = state.reason === null ? "" : `: ${state.reason}`;
  const how = state.status === "failed" ? "failed" : "was stopped";
  return `The snapshot of ${tableAsPattern(state)} ${how} after ${formatCount(state.rows)} rows${reason}`;
}

/** Facts from PostgreSQL. */
interface SourceFacts {
  readonly identity: SourceIdentity;
  readonly tables: readonly TableName[];
  /** Whether the slot is in use. */
  readonly isActive: boolean;
}

async function readSource(config: Config, signal: AbortSignal): Promise<SourceFacts> {
  const { publication, slotName } = config.pg;
  using inspection = await PostgresInspection.open(postgresOptions(config), signal);
  const { versionNumber } = await inspection.server(signal);
  const tables = await readPublication(inspection.connection, publication, versionNumber, signal);
  const slot = await inspection.slot(slotName, signal);
  const identity = await identityOf(config, signal);
  return { identity, tables, isActive: slot !== null && slot.activePid !== null };
}

async function identityOf(config: Config, signal: AbortSignal): Promise<SourceIdentity> {
  const { systemIdentifier } = await inspectSystem(postgresOptions(config), signal);
  return { systemIdentifier, database: config.pg.database, slot: config.pg.slotName };
}

function clientOf(config: Config, identity: SourceIdentity): SnapshotClient {
  const { brokers, topicPrefix: prefix, delivery, topicReplicationFactor } = config.kafka;
  const security = kafkaSecurity(config);
  return new SnapshotClient({ brokers, security, prefix, identity, delivery, topicReplicationFactor });
}

/** `s-20261125T003015Z-1f3a`. */
function requestId(nowMs: number, random: number): string {
  const time = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
  return `s-${time}Z-${Math.floor(random * 0x10000).toString(16).padStart(4, "0")}`;
}

const PATTERNS_SHOWN_MAX = 20;

function shown(patterns: readonly string[]): string {
  const more = patterns.length - PATTERNS_SHOWN_MAX;
  const first = patterns.slice(0, PATTERNS_SHOWN_MAX).map(escapeControls).join(", ");
  return more > 0 ? `${first} and ${formatCount(more)} more` : first;
}

function notRunning({ pg }: Config): string {
  return `pg-capture is not running: slot "${pg.slotName}" is not in use. It takes the request when it starts, ` +
    `within ${REQUEST_KEPT_HOURS} hours\n`;
}

function whereTooLong(length: number): CaptureError {
  return new CaptureError(
    "configuration",
    `Cannot request a snapshot: the condition has ${length} characters, at most ${WHERE_LENGTH_MAX} are possible`,
  );
}
