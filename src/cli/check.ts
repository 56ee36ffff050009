// `pg-capture check`: tests everything that `run` needs, and changes nothing.

import type { Config } from "../config/config.ts";
import type { SourceIdentity } from "../core/position.ts";
import { KafkaInspection } from "../sink/inspection.ts";
import type { KafkaSecurity } from "../sink/wire/security.ts";
import { PostgresInspection, type SlotFacts } from "../source/inspection.ts";
import { postgresOptions } from "./adapters.ts";
import { agreementFinding, readCheckpoint } from "./check/agreement.ts";
import {
  exitCodeOfFindings,
  failed,
  type Finding,
  type Findings,
  formatFinding,
  ok,
} from "./check/finding.ts";
import { kafkaFindings } from "./check/kafka_checks.ts";
import { canDoWithoutCheckpoint, localFindings } from "./check/local_checks.ts";
import { postgresFindings } from "./check/postgres_checks.ts";
import type { PostgresFacts } from "./check/postgres_facts.ts";
import type { CommandOutput } from "./command_output.ts";
import { EXIT_OK } from "./exit_code.ts";
import { kafkaSecurity } from "./kafka_security.ts";
import { summaryLines } from "./snapshot/summary.ts";

/** Prints each finding as soon as it is known; with `json`, all of them at the end. @returns the exit code */
export async function check(
  config: Config,
  { json, nowMs }: { readonly json: boolean; /** Since 1970. */ readonly nowMs: number },
  output: CommandOutput,
  signal: AbortSignal,
): Promise<number> {
  const findings: Finding[] = [];
  const all = allFindings(config, nowMs, signal);
  for (;;) {
    const next = await output.waiting("checking", all.next());
    if (next.done === true) break;
    findings.push(next.value);
    if (!json) output.print(formatFinding(next.value, output.style));
  }
  const code = exitCodeOfFindings(findings);
  if (!json) output.print(summary(findings));
  else {
    const shown = findings.map(({ exitCode: _exitCode, ...finding }) => finding);
    output.printJson({ ok: code === EXIT_OK, findings: shown });
  }
  return code;
}

async function* allFindings(config: Config, nowMs: number, signal: AbortSignal): Findings {
  yield* localFindings(config, signal);
  const facts: PostgresFacts = {};
  yield* withErrorsAsFindings("PostgreSQL", postgresFindings(config, facts, signal));
  const identity = facts.system && {
    systemIdentifier: facts.system.systemIdentifier,
    database: config.pg.database,
    slot: config.pg.slotName,
  };
  let security: KafkaSecurity;
  try {
    security = kafkaSecurity(config);
  } catch (error) {
    yield failed("Kafka: TLS", error);
    return;
  }
  using kafka = new KafkaInspection(config.kafka.brokers, security);
  yield* withErrorsAsFindings(
    "Kafka",
    kafkaFindings({ config, identity, tables: facts.tables ?? [], nowMs }, kafka, signal),
  );
  if (identity === undefined || facts.system === undefined) return;
  const { system } = facts;
  yield* withErrorsAsFindings("Positions", agreement(config, identity, system, kafka, signal));
}

async function* agreement(
  config: Config,
  identity: SourceIdentity,
  system: NonNullable<PostgresFacts["system"]>,
  kafka: KafkaInspection,
  signal: AbortSignal,
): Findings {
  const checkpoint = await readCheckpoint(config).catch((error) => {
    if (canDoWithoutCheckpoint(config, error)) return null;
    throw error;
  });
  const progress = await kafka.progress(config.kafka.topicPrefix, identity, signal);
  const slot = await slotFacts(config, signal);
  yield agreementFinding(config, { identity, system, slot, progress, checkpoint });
  yield* withErrorsAsFindings("Snapshots", snapshotFindings(config, identity, kafka, signal));
}

async function* snapshotFindings(
  { kafka: { topicPrefix, delivery } }: Config,
  identity: SourceIdentity,
  kafka: KafkaInspection,
  signal: AbortSignal,
): Findings {
  const ledger = await kafka.snapshots(topicPrefix, identity, delivery, signal);
  if (ledger === null || ledger.states.length === 0) return;
  yield ok("Snapshots", summaryLines(ledger.states)[0]!);
}

async function slotFacts(config: Config, signal: AbortSignal): Promise<SlotFacts | null> {
  using inspection = await PostgresInspection.open(postgresOptions(config), signal);
  return await inspection.slot(config.pg.slotName, signal);
}

/** Reports an error that ends a series of checks as a failure. */
async function* withErrorsAsFindings(what: string, findings: Findings): Findings {
  try {
    yield* findings;
  } catch (error) {
    yield failed(what, error);
  }
}

function summary(findings: readonly Finding[]): string {
  const count = (outcome: Finding["outcome"]) => findings.filter((each) => each.outcome === outcome).length;
  const plural = (number: number, word: string) => `${number} ${word}${number === 1 ? "" : "s"}`;
  return `\n${count("ok")} ok, ${plural(count("warning"), "warning")}, ${
    plural(count("failure"), "failure")
  }\n`;
}
