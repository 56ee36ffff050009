// A mix of faults under writers, chosen at random from a seed, for some minutes; then the oracle. Run by run.ts.

import { delay } from "../../dev/servers/server_process.ts";
import type { CaptureProcess } from "../support/capture.ts";
import { startCapture } from "../support/capture.ts";
import { assertExactlyOnce, createFaultBed, type FaultBed, waitForCommits } from "../support/fault_bed.ts";
import { KafkaApi, type Proxy } from "../support/proxy.ts";
import { randomOf, Writers } from "../support/writer.ts";

/** The oracle reads everything from the beginning: a round is kept short enough for that. */
const ROUND_MS = 60_000;

/**
 * Rounds of faults until the time is over, each on servers of its own.
 * @throws Error that names the round's seed
 */
export async function mixFaults(seed: number, minutes: number, print: (line: string) => void): Promise<void> {
  const end = Date.now() + minutes * 60_000;
  for (let round = seed; Date.now() < end; round++) {
    print(`mix: seed ${round}`);
    try {
      await runRound(round, Math.min(ROUND_MS, end - Date.now()), print);
      print("  nothing lost, nothing repeated");
    } catch (error) {
      const found = error instanceof Error ? error.stack : String(error);
      throw new Error(
        `the mix failed; to do it again: deno task test:fault --seed ${round} --minutes 1\n${found}`,
      );
    }
  }
}

interface Stage {
  readonly bed: FaultBed;
  readonly random: () => number;
  capture: CaptureProcess;
}

async function runRound(seed: number, forMs: number, print: (line: string) => void): Promise<void> {
  const random = randomOf(seed);
  await using bed = await createFaultBed({ postgres: {}, kafka: random() < 0.3 ? { version: "3.9.1" } : {} });
  await bed.sql.exec(`ALTER DATABASE ${bed.postgres.database} SET wal_sender_timeout = '3s'`);
  const stage: Stage = { bed, random, capture: await startCapture({ env: bed.env }) };
  try {
    await stage.capture.waitForLog("Streaming");
    await using writers = new Writers(bed.postgres, 2, seed).start();
    const end = Date.now() + forMs;
    while (Date.now() < end) {
      await delay(random() * 1_500);
      const fault = FAULTS[Math.floor(random() * FAULTS.length)] ?? killCapture;
      print(`  ${fault.name}`);
      await fault(stage);
    }
    await waitForCommits(bed, stage.capture);
    await assertExactlyOnce(bed, stage.capture, writers, 120_000);
  } finally {
    await stage.capture.kill();
  }
}

type Fault = (stage: Stage) => Promise<void>;

const FAULTS: readonly Fault[] = [
  killCapture,
  killCapture,
  restartCapture,
  freezeCapture,
  crashPostgres,
  stopPostgres,
  killKafka,
  stopKafka,
  resetLink,
  resetLink,
  stallLink,
  refuseLink,
  slowLink,
  cutRequest,
  cutRequest,
  holdCommit,
  terminateSessions,
];

async function killCapture(stage: Stage): Promise<void> {
  await stage.capture.kill();
  stage.capture = await startCapture({ env: stage.bed.env });
}

async function restartCapture(stage: Stage): Promise<void> {
  // Before it has begun, a signal ends it as it ends any program.
  await stage.capture.waitForLog(/Connected|retry_in_ms/);
  const { code } = await stage.capture.terminate();
  if (code !== 0) throw new Error(`it ended with ${code}\n${stage.capture.log.slice(-15).join("\n")}`);
  stage.capture = await startCapture({ env: stage.bed.env });
}

/** The other one has a checkpoint of its own. */
async function freezeCapture(stage: Stage): Promise<void> {
  const { bed, capture } = stage;
  capture.freeze();
  stage.capture = await startCapture({ env: { ...bed.env, REPLICATION_CHECKPOINT_FILE: "other" } });
  await stage.capture.waitForLog("Streaming", { timeoutMs: 60_000 });
  capture.thaw();
  await delay(500);
  await capture.kill();
}

async function crashPostgres({ bed }: Stage): Promise<void> {
  await bed.postgresServer.stop("immediate");
  await bed.postgresServer.start();
}

async function stopPostgres({ bed }: Stage): Promise<void> {
  await bed.postgresServer.stop("fast");
  await bed.postgresServer.start();
}

async function killKafka({ bed }: Stage): Promise<void> {
  await bed.kafkaServer.kill();
  await bed.kafkaServer.start();
}

async function stopKafka({ bed }: Stage): Promise<void> {
  await bed.kafkaServer.stop();
  await bed.kafkaServer.start();
}

function someLink({ bed, random }: Stage): Proxy {
  return random() < 0.5 ? bed.toPostgres : bed.toKafka;
}

function resetLink(stage: Stage): Promise<void> {
  someLink(stage).reset();
  return Promise.resolve();
}

async function stallLink(stage: Stage): Promise<void> {
  const link = someLink(stage);
  link.stall((["to-server", "to-client", "both"] as const)[Math.floor(stage.random() * 3)]);
  await delay(stage.random() * 5_000);
  link.heal();
}

async function refuseLink(stage: Stage): Promise<void> {
  const link = someLink(stage);
  await link.refuse();
  link.reset();
  await delay(stage.random() * 3_000);
  await link.accept();
}

async function slowLink(stage: Stage): Promise<void> {
  const link = someLink(stage);
  link.set({ latencyMs: stage.random() * 100, jitterMs: 20, bytesPerSecond: 300_000 });
  await delay(3_000);
  link.heal();
}

async function cutRequest({ bed, random }: Stage): Promise<void> {
  const apis = [KafkaApi.Produce, KafkaApi.EndTxn, KafkaApi.InitProducerId, KafkaApi.AddPartitionsToTxn];
  const api = apis[Math.floor(random() * apis.length)] ?? KafkaApi.EndTxn;
  const side = random() < 0.5 ? "request" : "response";
  const cut = bed.toKafka.intercept({ api, side, nth: 1 + Math.floor(random() * 3), action: "reset" });
  await Promise.race([cut.caught, delay(3_000)]);
  cut.release();
}

/** Into whatever comes next. */
async function holdCommit({ bed, random }: Stage): Promise<void> {
  const held = bed.toKafka.intercept({ api: KafkaApi.EndTxn, side: "request", action: "hold" });
  await Promise.race([held.caught, delay(3_000)]);
  held.resetClient();
  await delay(random() * 1_500);
  held.release();
}

async function terminateSessions({ bed }: Stage): Promise<void> {
  await bed.sql.rows(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg-capture'",
  );
}
