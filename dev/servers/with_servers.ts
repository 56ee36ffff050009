// Runs a command with a PostgreSQL and a Kafka beside it: deno run -A dev/servers/with_servers.ts deno test -A
// One pair of servers then serves all test files. PG_CAPTURE_DEV_POSTGRES_MAJOR (14 to 18) and
// PG_CAPTURE_DEV_KAFKA_VERSION choose others than the usual ones.

import { cleanUp, guard, release } from "./janitor.ts";
import { startKafka } from "./kafka.ts";
import { startPostgres } from "./postgres.ts";
import { chosenKafka, chosenPostgres, serversEnvironment } from "./servers_environment.ts";
import { DevServerError } from "./tools.ts";

let exitCode = 1;
try {
  exitCode = await runWithServers(Deno.args[0], Deno.args.slice(1));
} catch (error) {
  if (!(error instanceof DevServerError)) throw error;
  print(error.message);
} finally {
  await cleanUp();
}
Deno.exit(exitCode);

async function runWithServers(command: string | undefined, args: readonly string[]): Promise<number> {
  if (command === undefined) throw new DevServerError("Usage: with_servers.ts COMMAND [ARGUMENT …]");
  const [postgres, kafka] = await Promise.all([
    startPostgres({ ...chosenPostgres(), onProgress: print }),
    startKafka({ ...chosenKafka(), onProgress: print }),
  ]);
  const env = serversEnvironment(postgres, kafka.bootstrap);
  // The deno that runs this may not be on the PATH.
  const program = command === "deno" ? Deno.execPath() : command;
  const child = new Deno.Command(program, { args: [...args], env }).spawn();
  await guard(child.pid, "TERM");
  // The terminal's Ctrl-C reaches the command by itself; its end is this program's.
  Deno.addSignalListener("SIGINT", () => {});
  Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
  const { code } = await child.status;
  await release(child.pid);
  return code;
}

function print(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
