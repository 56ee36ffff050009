// `deno task servers`: a PostgreSQL and a Kafka to try pg-capture with, and the settings that go with them. A user is
// added to the table "users" every second.

// @ts-types="@types/pg"
import pg from "pg";
import { cleanUp, tempFolder } from "./janitor.ts";
import { startKafka } from "./kafka.ts";
import { startPostgres } from "./postgres.ts";
import { delay } from "./server_process.ts";
import { chosenKafka, chosenPostgres } from "./servers_environment.ts";
import { DevServerError } from "./tools.ts";

const DATABASE = "mydb";
// The same that the containers are made with: the role replicator, the table users and the publication.
const SETUP = new URL("../../deploy/compose/init.sql", import.meta.url);
const INTERVAL_MS = 1_000;

const stop = new AbortController();
Deno.addSignalListener("SIGINT", () => stop.abort());
Deno.addSignalListener("SIGTERM", () => stop.abort());

let exitCode = 0;
try {
  await serve(stop.signal);
} catch (error) {
  if (!(error instanceof DevServerError)) throw error;
  print(error.message);
  exitCode = 1;
} finally {
  await cleanUp();
}
Deno.exit(exitCode);

async function serve(signal: AbortSignal): Promise<void> {
  const [postgres, kafka] = await Promise.all([
    startPostgres({ ...chosenPostgres(), onProgress: print }),
    startKafka({ ...chosenKafka(), onProgress: print }),
  ]);
  const { host, port, user, password } = postgres;
  const admin = new pg.Client({ host, port, user, password, database: "postgres" });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${DATABASE}`);
  await admin.end();
  const client = new pg.Client({ host, port, user, password, database: DATABASE });
  await client.connect();
  await client.query(await Deno.readTextFile(SETUP));
  // The next ones are other servers, to which the usual file would not belong.
  const checkpoint = `${await tempFolder("checkpoint")}/checkpoint.kv`;
  print(`PostgreSQL ${postgres.major} and Kafka ${kafka.version} are up until Ctrl-C. In another terminal:

export PG_HOST=${host} PG_PORT=${port} PG_DATABASE=${DATABASE} PG_USERNAME=replicator PG_PASSWORD=secret KAFKA_BROKERS=${kafka.bootstrap}
export REPLICATION_CHECKPOINT_FILE=${checkpoint}
`);
  for (let number = 1; !signal.aborted; number++) {
    const user = [`User ${number}`, `user${number}@example.com`];
    await client.query("INSERT INTO users (name, email) VALUES ($1, $2)", user);
    await delay(INTERVAL_MS, signal);
  }
  await client.end();
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
