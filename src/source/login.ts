// Wraps the `pg` package: connects to one server, encrypts as the TLS mode requires, and logs in.

import { formatAddress } from "../core/address.ts";
import pg from "pg";
import { advice, setting } from "../core/advice.ts";
import { CaptureError } from "../core/errors.ts";
import { expectTlsRuntime } from "../core/tls_runtime.ts";
import { AnswerTimer } from "./answer_timer.ts";
import { Authentication } from "./authentication.ts";
import { isServerError, translateConnectError } from "./errors.ts";
import { FrameGuard } from "./frame_guard.ts";
import type { Link, TlsFacts } from "./link.ts";
import type { PostgresOptions, PostgresServer } from "./options.ts";
import { openLink, PostgresSocket } from "./socket.ts";
import { negotiateTls } from "./tls/negotiation.ts";
import { TlsCandidate } from "./tls/tls_link.ts";

/** The result of a login. */
export interface Login {
  readonly client: Pick<pg.Client, "query">;
  readonly socket: PostgresSocket;
  readonly server: PostgresServer;
  /** Null if the connection is not encrypted. */
  readonly tls: TlsFacts | null;
  /** Whether the server accepts writes, as in libpq's target_session_attrs=read-write. */
  readonly isWritable: boolean;
}

/** A walsender that also takes SQL, or an ordinary session. */
export type LoginMode = "replication" | "sql";

/**
 * Connects and authenticates. With `prefer`, a server that does not accept a login over TLS is tried without
 * TLS, as in libpq.
 * @throws CaptureError `postgres-unavailable`, `postgres-refused`, `configuration` or `decoding`
 */
export async function logIn(
  options: PostgresOptions,
  server: PostgresServer,
  mode: LoginMode,
  signal: AbortSignal,
): Promise<Login> {
  // TLS is not spoken over a Unix socket (PostgreSQL manual, 34.1.2, sslmode).
  const isEncrypted = options.tls.mode !== "disable" && !server.host.startsWith("/");
  if (isEncrypted) expectTlsRuntime();
  const first = await tryLogin(options, server, mode, isEncrypted, signal);
  if ("login" in first) return first.login;
  if (!(isEncrypted && options.tls.mode === "prefer" && first.isWorthPlain)) throw first.error;
  const second = await tryLogin(options, server, mode, false, signal);
  if ("login" in second) return second.login;
  throw bothFailed(first.error, second.error);
}

type Tried =
  | { readonly login: Login }
  | {
    readonly error: CaptureError;
    /** Whether TLS, or a login over TLS, failed. */
    readonly isWorthPlain: boolean;
  };

async function tryLogin(
  options: PostgresOptions,
  server: PostgresServer,
  mode: LoginMode,
  isEncrypted: boolean,
  signal: AbortSignal,
): Promise<Tried> {
  signal.throwIfAborted();
  const attempt = new Attempt(signal, options.connectTimeoutMs);
  let stage: "connecting" | "encrypting" | "logging in" = "connecting";
  let isAuthenticated = false;
  let candidate: TlsCandidate | undefined;
  let link: Link | undefined;
  try {
    if (isEncrypted) {
      candidate = await attempt.open(TlsCandidate.connect(server));
      stage = "encrypting";
      link = await attempt.open(negotiateTls(candidate, server, options.tls));
    } else {
      link = await attempt.open(openLink(server));
    }
    stage = "logging in";
    const login = await authenticate(options, server, mode, link, attempt, () => isAuthenticated = true);
    return { login };
  } catch (error) {
    link?.close();
    candidate?.close();
    signal.throwIfAborted();
    const failure = translateConnectError(
      attempt.timeout ?? error,
      server,
      options,
      link !== undefined && link.tls !== null,
    );
    const isWorthPlain = attempt.timeout === undefined && failure.kind !== "configuration" &&
      (stage === "encrypting" || (link?.tls !== null && !isAuthenticated && isServerError(error)));
    return { error: failure, isWorthPlain };
  } finally {
    attempt.end();
  }
}

async function authenticate(
  options: PostgresOptions,
  server: PostgresServer,
  mode: LoginMode,
  link: Link,
  attempt: Attempt,
  onAuthenticated: () => void,
): Promise<Login> {
  const authentication = new Authentication(formatAddress(server), options.loginRules, link.tls);
  const socket = new PostgresSocket(link, new FrameGuard(authentication));
  const config = {
    host: server.host,
    port: server.port,
    database: options.database,
    user: options.username,
    // Called only if the server asks for a password. Without a function, `pg` would search for a .pgpass
    // itself.
    password: () => options.password(server) ?? refuseWithoutPassword(server),
    application_name: "pg-capture",
    options: SESSION_SETTINGS,
    stream: () => socket,
    types: TEXT_TYPES,
    ssl: false,
    enableChannelBinding: link.tls !== null && options.loginRules.channelBinding !== "disable",
    // 0 means no limit: Authentication checks the number.
    scramMaxIterations: 0,
    ...(mode === "replication" ? { replication: "database" } : {}),
  };
  const client = new pg.Client(config as unknown as pg.ClientConfig);
  // If the connection ends while no query runs, the next query or read notices.
  client.on("error", () => {});
  const reported = new Map<string, string>();
  connectionOf(client).on("parameterStatus", ({ parameterName, parameterValue }) => {
    if (WRITABLE.has(parameterName ?? "")) reported.set(parameterName ?? "", parameterValue ?? "");
  });
  connectionOf(client).on("authenticationOk", onAuthenticated);
  attempt.onAbort((reason) => socket.destroy(reason));
  socket.on("heard", () => attempt.heard());
  try {
    await client.connect();
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const isWritable = [...WRITABLE].every((name) => reported.get(name) !== "on");
  return { client, socket, server, tls: link.tls, isWritable };
}

/** PostgreSQL 14 and later report these unasked (PostgreSQL manual, 55.2.7). */
const WRITABLE: ReadonlySet<string> = new Set(["in_hot_standby", "default_transaction_read_only"]);

// The text form of values depends on these settings, and a role or a database can set them. Settings in the
// startup packet override both (PostgreSQL manual, 20.1.3; guc.c, PGC_S_CLIENT). A search_path without user
// schemas makes reg* values schema-qualified, as in libpqwalreceiver; quote_all_identifiers affects those
// values, too.
const SESSION_SETTINGS = [
  "DateStyle=ISO",
  "IntervalStyle=iso_8601",
  "TimeZone=UTC",
  "extra_float_digits=3",
  "bytea_output=hex",
  "search_path=pg_catalog",
  "quote_all_identifiers=off",
  "statement_timeout=0",
  "lock_timeout=0",
  // PostgreSQL 18 reports skipped changes with a warning.
  "client_min_messages=warning",
  "idle_session_timeout=0",
].map((setting) => `-c ${setting}`).join(" ");

// Leaves every column as text: the program never needs values parsed by `pg`.
const TEXT_TYPES = { getTypeParser: () => (value: string) => value };

interface ConnectionEvents {
  on(
    event: string,
    listener: (message: { readonly parameterName?: string; readonly parameterValue?: string }) => void,
  ): void;
}

/** Exposes the messages received, which the client does not keep. */
function connectionOf(client: pg.Client): ConnectionEvents {
  return (client as unknown as { readonly connection: ConnectionEvents }).connection;
}

function refuseWithoutPassword({ host }: PostgresServer): never {
  throw new CaptureError("postgres-refused", "Cannot log in to PostgreSQL: it asks for a password", {
    hint: advice`set ${setting("pg.password")} or ${setting("pg.password_file")}, or add a line for ${
      JSON.stringify(host)
    } to ~/.pgpass (chmod 600)`,
  });
}

/** The first error tells what was wrong with the preferred way; the second decides whether to retry. */
function bothFailed(first: CaptureError, second: CaptureError): CaptureError {
  if (first.message === second.message) return second;
  const tail = second.message.slice(second.message.indexOf(": ") + 2);
  return new CaptureError(second.kind, `${first.message}; and unencrypted: ${tail}`, {
    cause: second,
    ...(first.hint === undefined ? {} : { hint: first.hint }),
  });
}

// Connecting takes many round trips. No single one may take more than 1/SILENT_SHARE of the total time: with
// the default of 30 s, an unreachable server is retried well within that time.
const SILENT_SHARE = 2;

/** One attempt to connect. It ends in time, and at once when the signal aborts. */
class Attempt {
  /** The error of a timeout, if there was one. */
  timeout: Error | undefined;
  readonly #signal: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #answers: AnswerTimer;
  readonly #aborted = Promise.withResolvers<never>();
  readonly #onSignal = () => this.#abort(this.#signal.reason);
  readonly #listeners: ((reason: Error | undefined) => void)[] = [];

  constructor(signal: AbortSignal, timeoutMs: number) {
    this.#signal = signal;
    this.#aborted.promise.catch(() => {});
    signal.addEventListener("abort", this.#onSignal, { once: true });
    const onLate = (timeout: Error) => {
      this.timeout = timeout;
      this.#abort(timeout);
    };
    this.#timer = setTimeout(() => onLate(new Error("timeout expired")), timeoutMs);
    this.#answers = new AnswerTimer(timeoutMs / SILENT_SHARE, onLate);
  }

  /** Called when the server sends something. */
  heard(): void {
    this.#answers.heard();
  }

  /** Waits for the link. A link that opens too late is closed. */
  async open<T extends Pick<Link, "close">>(opening: Promise<T>): Promise<T> {
    let isLate = false;
    opening.then((link) => isLate && link.close(), () => {});
    try {
      const link = await Promise.race([opening, this.#aborted.promise]);
      this.heard();
      return link;
    } catch (error) {
      isLate = true;
      throw error;
    }
  }

  onAbort(listener: (reason: Error | undefined) => void): void {
    this.#listeners.push(listener);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#answers[Symbol.dispose]();
    this.#signal.removeEventListener("abort", this.#onSignal);
  }

  #abort(reason: unknown): void {
    this.#aborted.reject(reason);
    for (const listener of this.#listeners) listener(reason instanceof Error ? reason : undefined);
  }
}
