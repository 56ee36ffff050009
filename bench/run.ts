// `deno task bench`: pg-capture against raw PostgreSQL, on real servers, alternating in one run; medians.
//
//   deno task bench [--rows N] [--rounds N] [--case NAME] [--executable FILE]

import { parseArgs } from "node:util";
import { cleanUp, tempFolder } from "../dev/janitor.ts";
import { startKafka } from "../dev/kafka.ts";
import { type PostgresAddress, startPostgres } from "../dev/postgres.ts";
import { givenBrokers, givenPostgres } from "../dev/servers_environment.ts";
import { sql } from "../tests/support/psql.ts";
import { type BenchCase, CASES } from "./cases.ts";
import { type Backlog, measureCapture, type Measurement, measureRaw } from "./measure.ts";

const SUBJECTS = ["raw", "exactly-once", "at-least-once"] as const;
type Subject = typeof SUBJECTS[number];

const { values } = parseArgs({
  args: Deno.args,
  options: {
    rows: { type: "string" },
    rounds: { type: "string", default: "3" },
    case: { type: "string" },
    executable: { type: "string" },
  },
});

try {
  const [postgres, brokers] = await Promise.all([
    givenPostgres() ??
      startPostgres({ settings: { max_wal_size: "8GB", max_replication_slots: 40, max_wal_senders: 40 } }),
    givenBrokers() ?? startKafka({ heapMb: 512 }).then((kafka) => kafka.bootstrap),
  ]);
  print(
    "| case | reader | rows/s | of raw | CPU s per million | peak MB | seconds, each run |\n|---|---|---|---|---|---|---|",
  );
  for (const each of CASES.filter(({ name }) => values.case === undefined || values.case === name)) {
    await runCase(each, postgres, brokers);
  }
} finally {
  await cleanUp();
}
Deno.exit(0);

async function runCase(benchCase: BenchCase, postgres: PostgresAddress, brokers: string): Promise<void> {
  const rows = Math.min(benchCase.rows, Number(values.rows ?? benchCase.rows));
  const rounds = Number(values.rounds);
  const database = `bench_${benchCase.name.replaceAll("-", "_")}`;
  await using server = await sql(postgres);
  await server.exec(`DROP DATABASE IF EXISTS ${database}`);
  await server.exec(`CREATE DATABASE ${database}`);
  await using connection = await sql({ ...postgres, database });
  await connection.exec(benchCase.setup(rows));
  await connection.exec("CREATE PUBLICATION bench FOR ALL TABLES");
  const slots = SUBJECTS.flatMap((subject) =>
    Array.from(
      { length: rounds },
      (_, round) => ({ subject, round, slot: `b_${subject.replaceAll("-", "_")}_${round}` }),
    )
  );
  for (const { slot } of slots) {
    await connection.rows("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
  }
  for (const statement of benchCase.fill(rows)) await connection.exec(statement);
  await connection.exec("CHECKPOINT");
  const endLsn = await connection.value("SELECT pg_current_wal_lsn()") ?? "0/0";
  const tables = await connection.rows("SELECT tablename FROM pg_publication_tables WHERE pubname = 'bench'");
  const folder = await tempFolder("bench");
  const measured: Record<Subject, Measurement[]> = { raw: [], "exactly-once": [], "at-least-once": [] };
  for (let round = 0; round < rounds; round++) {
    for (const subject of SUBJECTS) {
      const { slot } = slots.find((each) => each.subject === subject && each.round === round)!;
      const topicPrefix = `bench-${benchCase.name}-${subject}-${round}`;
      const backlog: Backlog = {
        postgres: { ...addressOf(postgres), database },
        ...{ brokers, slot, publication: "bench", topicPrefix, rows, endLsn, folder },
      };
      const topics = tables.map(({ tablename }) => `${topicPrefix}.public.${tablename}`);
      measured[subject].push(
        subject === "raw"
          ? await measureRaw(backlog)
          : await measureCapture(backlog, topics, { KAFKA_DELIVERY: subject }, values.executable),
      );
      await connection.rows("SELECT pg_drop_replication_slot($1)", [slot]);
    }
  }
  for (const subject of SUBJECTS) print(row(benchCase, subject, rows, measured[subject], measured.raw));
}

function row(
  { name }: BenchCase,
  subject: Subject,
  rows: number,
  measured: readonly Measurement[],
  raw: readonly Measurement[],
): string {
  const seconds = median(measured.map((each) => each.seconds));
  const ratio = median(raw.map((each) => each.seconds)) / seconds;
  const cpu = median(measured.map((each) => each.cpuSeconds)) * 1_000_000 / rows;
  const peak = Math.max(...measured.map((each) => each.peakMb));
  const each = measured.map((one) => one.seconds.toFixed(2)).join(" ");
  return `| ${name} | ${subject} | ${Math.round(rows / seconds).toLocaleString("en")} | ${
    ratio.toFixed(2)
  } | ` +
    `${cpu.toFixed(1)} | ${peak.toFixed(0)} | ${each} |`;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

function addressOf({ host, port, user, password, database }: PostgresAddress): PostgresAddress {
  return { host, port, user, password, database };
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
