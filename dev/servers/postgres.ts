// A real PostgreSQL server on a free port, without Docker, for the demo, the tests and the benchmarks.

import { exists } from "./cache.ts";
import { tempFolder } from "./janitor.ts";
import { freePort } from "./ports.ts";
import {
  installedBinaries,
  type PostgresBinaries,
  postgresBinaries,
  type PostgresMajor,
} from "./postgres_binaries.ts";
import { ServerProcess } from "./server_process.ts";
import { DevServerError, runTool } from "./tools.ts";

export type { PostgresMajor } from "./postgres_binaries.ts";

/** Lines for postgresql.conf. */
export type PostgresSettings = Readonly<Record<string, string | number | boolean>>;

/** Where a server is, and who may log in. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** What can be chosen about a server. */
export interface PostgresOptions {
  /** 17 when not given. */
  readonly major?: PostgresMajor;
  /** A folder that holds `bin` with the programs of that major, for extensions that come with them; else npm's. */
  readonly programs?: string;
  readonly settings?: PostgresSettings;
  /** A data directory to make or to go on with; left in place at the end. Else a temporary one. */
  readonly dataDir?: string;
  /** With the data directory of another server: its password. Else a random one. */
  readonly password?: string;
  /** Switches TLS on. */
  readonly tls?: ServerTls;
  /** Lines of pg_hba.conf that come before its own: all roles by scram-sha-256, or over the Unix socket by trust. */
  readonly hba?: readonly string[];
  /** To stand in for another server; it must be free. */
  readonly port?: number;
  /** Called with a line before what takes long. */
  readonly onProgress?: (line: string) => void;
}

/** What a server shows of itself, and whose client certificates it takes; PEM texts. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

/** `fast` ends sessions and waits for walsenders to have everything confirmed; `immediate` is a crash. */
export type StopMode = "fast" | "immediate";

/**
 * Starts a server: UTF8, wal_level logical, scram-sha-256 for TCP, everything in a folder of its own that is
 * removed at the end.
 * @throws DevServerError
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const major = options.major ?? 17;
  const binaries = options.programs === undefined
    ? await postgresBinaries(major, options.onProgress ?? (() => {}))
    : installedBinaries(options.programs);
  const folder = await tempFolder(`postgres-${major}`);
  if (binaries.user !== undefined) await Deno.chown(folder, binaries.user.uid, binaries.user.gid);
  const server = new PostgresServer(major, binaries, folder, options);
  try {
    await server.prepare(options);
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** A server that `startPostgres` started. */
export class PostgresServer implements PostgresAddress, AsyncDisposable {
  readonly major: PostgresMajor;
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly user = "postgres";
  readonly password: string;
  readonly database = "postgres";
  readonly dataDir: string;
  /** What the server logged since it was made. */
  readonly logFile: string;
  readonly #binaries: PostgresBinaries;
  readonly #folder: string;
  #process: ServerProcess | undefined;

  constructor(major: PostgresMajor, binaries: PostgresBinaries, folder: string, options: PostgresOptions) {
    this.major = major;
    this.port = options.port ?? freePort();
    this.password = options.password ?? crypto.randomUUID();
    this.dataDir = options.dataDir ?? `${folder}/data`;
    this.logFile = `${folder}/postgres.log`;
    this.#binaries = binaries;
    this.#folder = folder;
  }

  /** The postmaster's process id. */
  get pid(): number {
    return this.#running().pid;
  }

  /** Makes the cluster, unless the data directory holds one, and its settings. */
  async prepare({ settings, tls, hba = [] }: PostgresOptions): Promise<void> {
    if (!await exists(`${this.dataDir}/PG_VERSION`)) await this.#initdb();
    if (hba.length > 0) {
      const file = `${this.dataDir}/pg_hba.conf`;
      await this.#writeOwned(file, `${hba.join("\n")}\n${await Deno.readTextFile(file)}`);
    }
    const socketFolder = this.#folder.length < SOCKET_PATH_BYTES_MAX - "/.s.PGSQL.12345.lock".length
      ? this.#folder
      : "";
    await this.configure({
      ...BASE_SETTINGS,
      port: this.port,
      unix_socket_directories: socketFolder,
      ...settings,
    });
    if (tls !== undefined) await this.#writeTls(tls);
  }

  /** Shows another certificate from now on, in connections that are made. */
  async changeTls(tls: ServerTls): Promise<void> {
    await this.#writeTls(tls);
    this.reload();
  }

  /** Reads its files again; takes effect a moment later. */
  reload(): void {
    Deno.kill(this.pid, "SIGHUP");
  }

  /** Adds settings; they count from the next start or reload. */
  async configure(settings: PostgresSettings): Promise<void> {
    const lines = Object.entries(settings).map(([name, value]) =>
      `${name} = '${String(value).replaceAll("'", "''")}'\n`
    );
    await Deno.writeTextFile(`${this.dataDir}/postgresql.conf`, lines.join(""), { append: true });
  }

  /** Starts it again after `stop` or `kill`: the same data, port and password. */
  async start(): Promise<void> {
    if (this.#process?.running) return;
    const { folder, user } = this.#binaries;
    this.#process = await ServerProcess.launch({
      name: `PostgreSQL ${this.major}`,
      command: [`${folder}/bin/postgres`, "-D", this.dataDir],
      env: { PATH: Deno.env.get("PATH") ?? "", LC_ALL: "C" },
      folder: this.#folder,
      logFile: this.logFile,
      user,
      endSignal: "QUIT",
      isReady: (_log, pid) => this.#isReady(pid),
    });
  }

  /** `pg_ctl stop -m MODE`. */
  async stop(mode: StopMode = "fast"): Promise<void> {
    await this.#process?.stop(mode === "fast" ? "SIGINT" : "SIGQUIT");
  }

  /** SIGKILL to the postmaster; its children notice and end. */
  async kill(): Promise<void> {
    await this.#running().kill();
  }

  /** SIGSTOP to the postmaster and its children: connections stay open, nothing answers. */
  async freeze(): Promise<void> {
    await this.#running().freeze();
  }

  thaw(): void {
    this.#running().thaw();
  }

  /**
   * Copies the data directory of the stopped server, as a backup does. `startPostgres` goes on with the copy when it
   * is given as `dataDir`, with this server's password.
   */
  async copyData(): Promise<string> {
    const folder = await this.#ownedFolder(await tempFolder("backup"));
    await runTool({
      command: "cp",
      args: ["-a", `${this.dataDir}/.`, folder],
      purpose: `copy the data of PostgreSQL ${this.major}`,
      missingHint: "",
      timeoutMs: 120_000,
    });
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A killed postmaster leaves a piece of shared memory that only the next start on the same data takes away.
    if (
      this.#process !== undefined && !this.#process.running && await exists(`${this.dataDir}/postmaster.pid`)
    ) {
      await this.start().catch(() => {});
    }
    await this.#process?.stop("SIGQUIT");
    await Deno.remove(this.#folder, { recursive: true });
  }

  #running(): ServerProcess {
    if (this.#process === undefined) throw new DevServerError(`PostgreSQL ${this.major} was never started`);
    return this.#process;
  }

  /** As pg_ctl does it: the eighth line of postmaster.pid, written by this very process, says "ready". */
  async #isReady(pid: number): Promise<boolean> {
    const text = await Deno.readTextFile(`${this.dataDir}/postmaster.pid`).catch(() => "");
    const lines = text.split("\n");
    return lines[0] === String(pid) && lines[7]?.trim() === "ready";
  }

  async #writeTls({ cert, key, clientCa }: ServerTls): Promise<void> {
    const files = { "server.crt": cert, "server.key": key, "clients.crt": clientCa ?? "" };
    for (const [name, text] of Object.entries(files)) await this.#writeOwned(`${this.dataDir}/${name}`, text);
    await this.configure({
      ssl: "on",
      ssl_cert_file: "server.crt",
      ssl_key_file: "server.key",
      ssl_ca_file: clientCa === undefined ? "" : "clients.crt",
    });
  }

  async #writeOwned(path: string, text: string): Promise<void> {
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    const { user } = this.#binaries;
    if (user !== undefined) await Deno.chown(path, user.uid, user.gid);
  }

  async #ownedFolder(path: string): Promise<string> {
    const { user } = this.#binaries;
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    if (user !== undefined) await Deno.chown(path, user.uid, user.gid);
    return path;
  }

  async #initdb(): Promise<void> {
    const { folder, user } = this.#binaries;
    await this.#ownedFolder(this.dataDir);
    const passwordFile = `${this.#folder}/password`;
    await Deno.writeTextFile(passwordFile, this.password, { mode: 0o600 });
    if (user !== undefined) await Deno.chown(passwordFile, user.uid, user.gid);
    await runTool({
      command: `${folder}/bin/initdb`,
      args: [
        `--pgdata=${this.dataDir}`,
        `--username=${this.user}`,
        `--pwfile=${passwordFile}`,
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
      ],
      cwd: this.#folder,
      env: { LC_ALL: "C" },
      user,
      purpose: `make a PostgreSQL ${this.major} cluster`,
      missingHint: "",
      timeoutMs: 60_000,
    });
    await Deno.remove(passwordFile);
  }
}

/** The room in a socket's address, its closing zero left out: 103 on macOS, 107 on Linux. */
const SOCKET_PATH_BYTES_MAX = 103;

const BASE_SETTINGS: PostgresSettings = {
  listen_addresses: "127.0.0.1",
  wal_level: "logical",
  max_wal_senders: 20,
  max_replication_slots: 20,
  max_prepared_transactions: 20,
  // Files in the data directory, which go away with it; the default leaves some in /dev/shm after a kill.
  dynamic_shared_memory_type: "mmap",
  timezone: "UTC",
  log_timezone: "UTC",
};
