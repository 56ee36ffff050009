// `deno task bench`: pg-capture against raw PostgreSQL and others, on real servers, alternating in one run.
//
//   deno task bench [--rounds N] [--rows N] [--case NAME[,NAME]] [--executable FILE] [--peers] [--skip-paced]
//                   [--write] [--check]
//
// --peers adds Debezium. --write puts the results into docs/BENCHMARKS.md and the baseline file; --check compares with
// the baseline, and fails when a figure is worse.

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { cleanUp } from "../dev/servers/janitor.ts";
import { DevServerError, missingProgram } from "../dev/servers/tools.ts";
import { dropSlot, makeBacklog } from "./backlog.ts";
import { worseThan } from "./baseline.ts";
import { type BenchCase, CASES } from "./cases.ts";
import { DEBEZIUM_VERSION, readWithDebezium } from "./debezium.ts";
import { measurePaced } from "./paced.ts";
import { plot } from "./plot.ts";
import { producerPerformance } from "./producer_performance.ts";
import { type Measurement, readRaw, readWithCapture } from "./readers.ts";
import { measureResting } from "./resting.ts";
import {
  type BenchResults,
  type CaseResult,
  describeMachine,
  formatResults,
  type PacedCase,
  type ReaderName,
  type SnapshotCase,
} from "./results.ts";
import {
  makeSnapshotSource,
  type SnapshotMeasurement,
  snapshotWithCapture,
  snapshotWithDebezium,
} from "./snapshot.ts";
import { type Servers, serversCpu, startServers } from "./servers.ts";
import { median, slope } from "./statistics.ts";
import { VERSION } from "../src/version.ts";

const DOCUMENT = fileURLToPath(new URL("../docs/BENCHMARKS.md", import.meta.url));
const PLOT = fileURLToPath(new URL("../docs/images/benchmarks.svg", import.meta.url));
const BASELINE = fileURLToPath(new URL("./baseline.json", import.meta.url));
const WARM_UP_ROWS = 300_000;
const PACED_SECONDS = 20;
const SNAPSHOT_ROWS = 1_000_000;
const PACED_SNAPSHOT_ROWS = 6_000_000;
/** What pg-capture makes of a row of the case small-rows. */
const SMALL_RECORD =
  `{"schema":"public","table":"t","op":"INSERT","ts_ms":1790000000000,"before":null,"after":{"id":500000,` +
  `"name":"user number 500000","email":"user500000@example.com","amount":"0.00","active":true,` +
  `"created_at":"2024-01-06T18:53:20"},"source":{"version":"0.1.0","connector":"pg-capture",` +
  `"ts_ms":1790000000000,"db":"bench_small_rows","schema":"public","table":"t","lsn":"0/1634FA0","xid":1234,` +
  `"commit_lsn":"0/1634FE8","tx_seq":500}}`;

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    "rows": { type: "string" },
    "rounds": { type: "string", default: "3" },
    "case": { type: "string" },
    "executable": { type: "string" },
    "peers": { type: "boolean", default: false },
    "skip-paced": { type: "boolean", default: false },
    "write": { type: "boolean", default: false },
    "check": { type: "boolean", default: false },
  },
});
const rounds = Number(options.rounds);
const executable = options.executable && resolve(options.executable);
const readers: readonly ReaderName[] = [
  "raw",
  "exactly-once",
  "at-least-once",
  ...(options.peers ? ["debezium" as const] : []),
];

let exitCode = 1;
try {
  const missing = missingProgram("pg_recvlogical");
  if (missing !== undefined) {
    throw new DevServerError(
      `Cannot measure raw PostgreSQL: ${missing}. Install PostgreSQL's client programs.`,
    );
  }
  exitCode = await run(await startServers());
} catch (error) {
  if (!(error instanceof DevServerError)) throw error;
  print(error.message);
} finally {
  await cleanUp();
}
Deno.exit(exitCode);

async function run(servers: Servers): Promise<number> {
  const names = options.case?.split(",");
  const chosen = CASES.filter(({ name }) => names === undefined || names.includes(name));
  // A broker that has just started is slow until its code is compiled: what it does first is not measured.
  await runCase(servers, { ...CASES[0]!, name: "warm-up" }, WARM_UP_ROWS, 1, ["exactly-once"]);
  const cases: CaseResult[] = [];
  for (const each of chosen) {
    const rows = Math.min(each.rows, Number(options.rows ?? each.rows));
    cases.push(await runCase(servers, each, rows, rounds, readers));
  }
  const extras = names === undefined;
  const paced = extras && !options["skip-paced"] ? await runPaced(servers) : [];
  const results: BenchResults = {
    date: new Date().toISOString().slice(0, 10),
    machine: await describeMachine(),
    versions: {
      "pg-capture": VERSION,
      "PostgreSQL": `${servers.postgres.major}`,
      "Kafka": servers.kafka.version,
      ...(options.peers ? { "Debezium": DEBEZIUM_VERSION } : {}),
    },
    cases,
    producerPerformance: extras ? await runProducerPerformance(servers) : [],
    paced,
    snapshots: names === undefined || names.includes("snapshot") ? await runSnapshots(servers) : [],
    resting: extras ? await measureResting(servers, executable) : null,
  };
  print(formatResults(results));
  const worse = options.check ? worseThan(JSON.parse(await Deno.readTextFile(BASELINE)), results) : [];
  for (const line of worse) print(`worse than the baseline: ${line}`);
  if (options.write) await write(results);
  return worse.length > 0 ? 1 : 0;
}

interface Round extends Measurement {
  readonly postgresCpu: number;
  readonly kafkaCpu: number;
}

async function runCase(
  servers: Servers,
  benchCase: BenchCase,
  rows: number,
  rounds: number,
  readers: readonly ReaderName[],
): Promise<CaseResult> {
  // Debezium takes minutes: it has one turn.
  const turns = Array.from({ length: rounds }, (_, round) => readers.map((reader) => ({ reader, round })))
    .flat()
    .filter(({ reader, round }) => reader !== "debezium" || round === 0)
    .map((turn) => ({ ...turn, slot: `b_${turn.reader.replaceAll("-", "_")}_${turn.round}` }));
  const backlog = await makeBacklog(servers, benchCase, rows, turns.map(({ slot }) => slot));
  const measured = new Map<ReaderName, Round[]>(readers.map((reader) => [reader, []]));
  for (const { reader, round, slot } of turns) {
    const topicPrefix = `${benchCase.name}-${reader}-${round}`;
    const before = await serversCpu(servers);
    const measurement = reader === "raw"
      ? await readRaw(backlog, slot)
      : reader === "debezium"
      ? await readWithDebezium(backlog, slot, topicPrefix)
      : await readWithCapture(backlog, {
        ...{ slot, topicPrefix, executable },
        env: { KAFKA_DELIVERY: reader },
      });
    await dropSlot(backlog, slot);
    const after = await serversCpu(servers);
    measured.get(reader)?.push({
      ...measurement,
      postgresCpu: after.postgres - before.postgres,
      kafkaCpu: after.kafka - before.kafka,
    });
    print(`${benchCase.name} ${reader}: ${measurement.seconds.toFixed(2)} s`);
  }
  return summarize(benchCase.name, rows, measured);
}

function summarize(
  name: string,
  rows: number,
  measured: ReadonlyMap<ReaderName, readonly Round[]>,
): CaseResult {
  const rawSeconds = median((measured.get("raw") ?? []).map(({ seconds }) => seconds));
  const perMillion = 1_000_000 / rows;
  return {
    name,
    rows,
    readers: [...measured].map(([reader, all]) => {
      const seconds = median(all.map((each) => each.seconds));
      return {
        reader,
        seconds: all.map((each) => each.seconds),
        rowsPerSecond: rows / seconds,
        ofRaw: rawSeconds / seconds,
        cpuSecondsPerMillion: median(all.map((each) => each.cpuSeconds)) * perMillion,
        postgresCpuPerMillion: median(all.map((each) => each.postgresCpu)) * perMillion,
        kafkaCpuPerMillion: median(all.map((each) => each.kafkaCpu)) * perMillion,
        peakMb: Math.max(...all.map((each) => each.peakMb)),
        growthMbPerMinute: median(all.map(({ memory }) => slope(memory.slice(memory.length / 2)) * 60)),
      };
    }),
  };
}

async function runPaced(servers: Servers): Promise<PacedCase[]> {
  const loads = [
    { name: "1,000 a second", transactionsPerSecond: 1_000, env: {} },
    {
      name: "1,000 a second, KAFKA_LINGER_MS=5",
      transactionsPerSecond: 1_000,
      env: { KAFKA_LINGER_MS: "5" },
    },
    // The snapshot takes about as long as the load.
    {
      name: "1,000 a second, a snapshot beside it",
      transactionsPerSecond: 1_000,
      env: {},
      snapshotRows: PACED_SNAPSHOT_ROWS,
    },
    { name: "10,000 a second", transactionsPerSecond: 10_000, env: {} },
    {
      name: "10,000 a second, KAFKA_LINGER_MS=5",
      transactionsPerSecond: 10_000,
      env: { KAFKA_LINGER_MS: "5" },
    },
  ];
  const results: PacedCase[] = [];
  for (const [index, { name, ...load }] of loads.entries()) {
    print(`paced: ${name}`);
    const settings = { ...load, seconds: PACED_SECONDS, executable };
    results.push({ name, result: await measurePaced(servers, String(index), settings) });
  }
  return results;
}

async function runSnapshots(servers: Servers): Promise<SnapshotCase[]> {
  const rows = Math.min(SNAPSHOT_ROWS, Number(options.rows ?? SNAPSHOT_ROWS));
  const source = await makeSnapshotSource(servers, rows);
  const own: SnapshotMeasurement[] = [];
  for (let round = 0; round < rounds; round++) {
    own.push(await snapshotWithCapture(source, `snapshot-${round}`, executable));
    print(`snapshot pg-capture: ${own.at(-1)!.sendingSeconds.toFixed(2)} s`);
  }
  const cases: SnapshotCase[] = [{ reader: "pg-capture", rows, runs: own }];
  if (options.peers) {
    const peer = await snapshotWithDebezium(source, "snapshot-debezium");
    print(`snapshot debezium: ${peer.sendingSeconds.toFixed(2)} s`);
    cases.push({ reader: "debezium", rows, runs: [peer] });
  }
  return cases;
}

async function runProducerPerformance({ kafka }: Servers): Promise<number[]> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    print("ProducerPerformance");
    rates.push(
      await producerPerformance(kafka.bootstrap, `producer-performance-${round}`, 1_000_000, SMALL_RECORD),
    );
  }
  return rates;
}

async function write(results: BenchResults): Promise<void> {
  const document = await Deno.readTextFile(DOCUMENT);
  const [begin, end] = ["<!-- results -->", "<!-- end of results -->"];
  const from = document.indexOf(begin) + begin.length;
  const to = document.indexOf(end);
  await Deno.writeTextFile(
    DOCUMENT,
    `${document.slice(0, from)}\n\n${formatResults(results)}\n\n${document.slice(to)}`,
  );
  await Deno.mkdir(fileURLToPath(new URL("../docs/images", import.meta.url)), { recursive: true });
  await Deno.writeTextFile(PLOT, plot(results));
  await Deno.writeTextFile(BASELINE, `${JSON.stringify(results, null, 2)}\n`);
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
