// A newcomer who does what a document says, word by word, in a copy of the repository and with servers of their own.

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { captureCommand } from "../../dev/servers/capture_command.ts";
import { guard, release, tempFolder } from "../../dev/servers/janitor.ts";
import { freePort } from "../../dev/servers/ports.ts";
import { type PostgresServer, startPostgres } from "../../dev/servers/postgres.ts";
import { delay } from "../../dev/servers/server_process.ts";
import type { Block } from "./documents.ts";
import { compileCommand, compileObstacle } from "./executable.ts";
import { type Sql, sql } from "../../dev/servers/psql.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BLOCK_MS_MAX = 180_000;
const END_MS_MAX = 20_000;
const WRITE_INTERVAL_MS = 300;

/** One reader, for one document. Their PostgreSQL is new, their database mydb, what they export stays exported. */
export class ReaderOfDocuments implements AsyncDisposable {
  readonly #postgres: PostgresServer;
  readonly #sql: Sql;
  readonly #brokers: string;
  readonly #folder: string;
  readonly #home: string;
  readonly #metricsPort = freePort();

  private constructor(postgres: PostgresServer, sql: Sql, brokers: string, folder: string, home: string) {
    this.#postgres = postgres;
    this.#sql = sql;
    this.#brokers = brokers;
    this.#folder = folder;
    this.#home = home;
  }

  static async start(brokers: string): Promise<ReaderOfDocuments> {
    const postgres = await startPostgres();
    await using admin = await sql(postgres);
    await admin.exec("CREATE DATABASE mydb");
    const connection = await sql({
      host: postgres.host,
      port: postgres.port,
      user: postgres.user,
      password: postgres.password,
      database: "mydb",
    });
    const folder = await tempFolder("reader");
    await copyRepository(folder);
    const home = await tempFolder("home");
    await makePrograms(home);
    return new ReaderOfDocuments(postgres, connection, brokers, folder, home);
  }

  /** For a document that does not begin with it: role, table, publication and settings. */
  async setUp(): Promise<void> {
    await this.#sql.exec(await Deno.readTextFile(`${ROOT}deploy/compose/init.sql`));
    await Deno.writeTextFile(
      `${this.#home}/exported`,
      "export PG_DATABASE=mydb PG_USERNAME=replicator PG_PASSWORD=secret KAFKA_BROKERS=localhost:9092\n"
        .replace("localhost:9092", this.#brokers),
    );
  }

  /** Does what a block says. @returns what it printed @throws Error with that when it fails */
  async follow({ language, text, directives, place }: Block): Promise<string> {
    if (language === "sql") {
      await this.#sql.exec(text);
      return "";
    }
    if (directives.while === undefined) return await this.#run(text, place, directives.until);
    // It has to be seen to run, as the block's own text needs it.
    const beside = this.#run(directives.while, place, undefined, "SIGINT");
    try {
      return await this.#run(text, place, directives.until);
    } finally {
      this.#endBeside();
      await beside;
    }
  }

  #endBeside: () => void = () => {};

  /** @param end runs until `#endBeside` is called, when given */
  async #run(text: string, place: string, until: string | undefined, end?: "SIGINT"): Promise<string> {
    const exported = `${this.#home}/exported`;
    const script = `touch ${exported}; . ${exported}\n${
      text.replaceAll("localhost:9092", this.#brokers)
    }\nexport -p >${exported}`;
    const child = new Deno.Command("bash", {
      args: ["-eu", "-o", "pipefail", "-c", script],
      cwd: this.#folder,
      clearEnv: true,
      env: this.#environment(),
      // A session of its own: its id is the group's that Ctrl-C is meant for.
      detached: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await guard(child.pid, "KILL");
    let printed = "";
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const chunk of stream.pipeThrough(new TextDecoderStream())) printed += chunk;
    };
    const reading = Promise.all([read(child.stdout), read(child.stderr)]);
    let running = true;
    const status = child.status.then((each) => {
      running = false;
      return each;
    });
    const interrupt = () => Deno.kill(-child.pid, "SIGINT");
    let interrupted = false;
    if (end !== undefined) {
      this.#endBeside = () => {
        interrupted = true;
        if (running) interrupt();
      };
    }
    const deadline = Date.now() + BLOCK_MS_MAX;
    let endBy = Infinity;
    while (running && Date.now() < Math.min(deadline, endBy)) {
      if (until !== undefined) await this.#change();
      if (until !== undefined && !interrupted && printed.includes(until)) {
        interrupted = true;
        endBy = Date.now() + END_MS_MAX;
        interrupt();
      }
      await Promise.race([status, delay(WRITE_INTERVAL_MS)]);
    }
    const isLate = running;
    if (isLate) Deno.kill(-child.pid, "SIGKILL");
    const { code } = await status;
    await reading;
    await release(child.pid);
    const problem = isLate
      ? "it did not end in time"
      : until !== undefined && !interrupted
      ? `it ended with exit code ${code}, and never printed: ${until}`
      : code !== 0 && !(interrupted && code === 130)
      ? `it ended with exit code ${code}`
      : undefined;
    if (problem === undefined) return printed;
    throw new Error(`${place}: ${problem}\n${text}\n${printed.slice(-3000)}`);
  }

  /** As an application does all the time. */
  async #change(): Promise<void> {
    const isThere = await this.#sql.value("SELECT to_regclass('users')");
    if (isThere !== null) await this.#sql.exec("INSERT INTO users (name) VALUES ('somebody')");
  }

  #environment(): Record<string, string> {
    const home = Deno.env.get("HOME") ?? "/";
    const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`;
    return {
      PATH: `${this.#home}/bin:${Deno.env.get("PATH")}`,
      HOME: this.#home,
      DENO_DIR: Deno.env.get("DENO_DIR") ?? `${cache}/deno`,
      XDG_CACHE_HOME: cache,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
      ...(Deno.env.has("JAVA_HOME") ? { JAVA_HOME: Deno.env.get("JAVA_HOME")! } : {}),
      PG_HOST: this.#postgres.host,
      PG_PORT: String(this.#postgres.port),
      METRICS_PORT: String(this.#metricsPort),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sql[Symbol.asyncDispose]();
    await this.#postgres[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** What a clone has, what is not committed yet included; and the caches of this one. */
async function copyRepository(folder: string): Promise<void> {
  const { stdout, success } = await new Deno.Command("git", {
    args: ["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error("Cannot copy the repository: git ls-files failed");
  for (const path of new TextDecoder().decode(stdout).split("\0").filter((each) => each !== "")) {
    await Deno.mkdir(dirname(`${folder}/${path}`), { recursive: true });
    // One that was deleted and is not committed yet is listed all the same.
    await Deno.copyFile(`${ROOT}${path}`, `${folder}/${path}`).catch((error: unknown) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  for (const name of [".cache", "node_modules"]) {
    const target = `${ROOT}${name}`;
    if (await Deno.stat(target).then(() => true, () => false)) {
      await Deno.symlink(target, `${folder}/${name}`);
    }
  }
}

/**
 * The programs that documents speak of: `deno`, and `pg-capture` as if it were installed. Where nothing can be compiled,
 * `deno task compile` puts that same program into dist, which runs from source.
 */
async function makePrograms(home: string): Promise<void> {
  await Deno.mkdir(`${home}/bin`);
  const compiling = await compileObstacle() === undefined
    ? `exec ${compileCommand().map((word) => `"${word}"`).join(" ")} "$@"`
    : `mkdir -p dist && exec cp "${home}/bin/pg-capture" dist/pg-capture`;
  const { command, args } = await captureCommand();
  const programs = {
    deno: `case "$*" in "task compile"*) ${compiling} ;; *) exec "${Deno.execPath()}" "$@" ;; esac`,
    "pg-capture": `exec "${command}" ${args.map((word) => `"${word}"`).join(" ")} "$@"`,
  };
  for (const [name, script] of Object.entries(programs)) {
    await Deno.writeTextFile(`${home}/bin/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
}
