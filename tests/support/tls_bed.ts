// Logs in to PostgreSQL with the program's own configuration and source, and says what became of it.

import { tempFolder } from "../../dev/servers/janitor.ts";
import { postgresOptions } from "../../src/cli/adapters.ts";
import { fileFacts, readTextFile } from "../../src/config/environment.ts";
import { loadConfig } from "../../src/config/load.ts";
import { CaptureError } from "../../src/core/errors.ts";
import { PostgresConnection } from "../../src/source/connection.ts";
import type { PostgresOptions } from "../../src/source/options.ts";

/** How a login ended: what of the server's certificate was verified, or `plain`; or why there was none. */
export type Outcome =
  | { readonly login: "plain" | "nothing" | "ca" | "full"; readonly via: string | null }
  | { readonly refused: CaptureError };

/** The options that these settings give; those that are required and of no concern here are filled in. */
export function optionsOf(env: Readonly<Record<string, string | undefined>>): PostgresOptions {
  const { config } = loadConfig({
    env: { STATE_DIRECTORY: "/nowhere", KAFKA_BROKERS: "localhost", PG_DATABASE: "postgres", ...env },
    readTextFile: (path) => path === ".env" ? undefined : readTextFile(path),
    fileFacts,
    ownUid: () => undefined,
  });
  return postgresOptions(config);
}

/** Logs in once, and asks PostgreSQL how. @throws what is no CaptureError: a bug */
export async function logInWith(options: () => PostgresOptions): Promise<Outcome> {
  const signal = AbortSignal.timeout(30_000);
  try {
    using connection = await PostgresConnection.open(options(), "sql", signal);
    const row = await connection.queryRow(
      "SELECT (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl) AS tls",
      "ask",
      signal,
    );
    const { tls } = connection;
    if ((row.tls ?? null) !== (tls?.protocol ?? null)) throw new Error(`PostgreSQL says ${row.tls}`);
    return { login: tls?.verified ?? "plain", via: row.tls ?? null };
  } catch (error) {
    if (error instanceof CaptureError) return { refused: error };
    throw error;
  }
}

/** A folder for certificates and keys. */
export class PemFolder {
  readonly path: string;
  #count = 0;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<PemFolder> {
    return new PemFolder(await tempFolder("pem"));
  }

  /** Writes a file that only its owner may read. @returns its path */
  write(text: string, mode = 0o600): string {
    const path = `${this.path}/${this.#count++}.pem`;
    Deno.writeTextFileSync(path, text);
    Deno.chmodSync(path, mode);
    return path;
  }
}
