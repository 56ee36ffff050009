// Translates the errors of PostgreSQL and its connection into the program's own errors.

import { formatAddress } from "../core/address.ts";
import { type Advice, advice, setting, START_ANEW } from "../core/advice.ts";
import { CaptureError, type ErrorKind } from "../core/errors.ts";
import type { PostgresOptions, PostgresServer } from "./options.ts";
import { CLIENT_CERTIFICATE_HINT, translateAlert } from "./tls/tls_errors.ts";

/** The fields of an ErrorResponse that matter (PostgreSQL manual, 53.8). */
export interface ServerError {
  /** Not localized: `ERROR`, `FATAL`, `WARNING` and others. */
  readonly severity: string;
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** The context of the error: for a change that the server can't decode, the location of the change. */
  readonly where?: string;
}

/**
 * Translates anything thrown by a query, a connection or a stream.
 * @param context what could not be done, as the start of a sentence
 */
export function translatePostgresError(error: unknown, context: string): CaptureError {
  if (error instanceof CaptureError) return error;
  if (isServerError(error)) return translateServerError(error, context);
  const found = error instanceof Error ? connectionFault(error) : String(error);
  return new CaptureError("postgres-unavailable", `${context}: ${found}`, { cause: error });
}

/**
 * Translates the error of a connection that was refused or failed.
 * @param isEncrypted whether the connection was encrypted; only then were the TLS files read
 */
export function translateConnectError(
  error: unknown,
  server: PostgresServer,
  options: Pick<PostgresOptions, "username" | "database" | "tls">,
  isEncrypted: boolean,
): CaptureError {
  const context = `Cannot connect to PostgreSQL at ${formatAddress(server)}`;
  const refusal = isServerError(error) ? undefined : translateLogin(error, context);
  if (refusal !== undefined) return refusal;
  const failure = translatePostgresError(error, context);
  if (isServerError(error)) {
    const hint = loginHint(error, options, isEncrypted);
    return hint === undefined
      ? failure
      : new CaptureError(failure.kind, failure.message, { hint, cause: error });
  }
  if (failure.kind !== "postgres-unavailable" || failure.hint !== undefined) return failure;
  const hint = advice`start PostgreSQL there, or correct ${setting("pg.host")} and ${setting("pg.port")}`;
  return new CaptureError(failure.kind, failure.message, { hint, cause: error });
}

/** Translates the errors of a login that `pg` itself or TLS reports. */
function translateLogin(error: unknown, context: string): CaptureError | undefined {
  if (!(error instanceof Error) || error instanceof CaptureError) return undefined;
  const [, sasl] = /^SASL: (.+)/.exec(error.message) ?? [];
  if (sasl === undefined) return translateAlert(error, context);
  const hint = sasl.includes("signature does not match")
    ? "what answers there does not know the password: it may be an impostor"
    : "check that what answers there is PostgreSQL, and its pg_hba.conf";
  return new CaptureError("postgres-refused", `${context}: the login by SCRAM failed: ${sasl}`, {
    hint,
    cause: error,
  });
}

/** The fix for a rejected login, if more is known than its SQLSTATE tells. */
function loginHint(
  { code, message }: ServerError,
  { username, database, tls }: Pick<PostgresOptions, "username" | "database" | "tls">,
  isEncrypted: boolean,
): Advice | undefined {
  if (code === INSUFFICIENT_PRIVILEGE && message.includes("for database")) {
    return `GRANT CONNECT ON DATABASE "${database.replaceAll('"', '""')}" TO "${
      username.replaceAll('"', '""')
    }";`;
  }
  if (message.includes("not permitted to log in")) {
    return `ALTER ROLE "${username.replaceAll('"', '""')}" LOGIN;`;
  }
  if (code === INSUFFICIENT_PRIVILEGE) return `ALTER ROLE "${username.replaceAll('"', '""')}" REPLICATION;`;
  if (/pg_hba\.conf (?:entry|rejects)/.test(message)) {
    return tls.mode === "disable" && message.includes("no encryption")
      ? advice`set ${SSL_MODE}=verify-full if pg_hba.conf has this role in a hostssl line, else add a line`
      : "let this role in by a line of the server's pg_hba.conf, above one that rejects it";
  }
  if (message.includes("valid client certificate")) {
    return CLIENT_CERTIFICATE_HINT;
  }
  if (message.includes("certificate authentication failed")) {
    return advice`${COMMON_NAME_HINT}, or map it in pg_ident.conf`;
  }
  if (code === WRONG_PASSWORD && isEncrypted && tls.material().client !== undefined) {
    return advice`check ${PASSWORD}; with clientcert=verify-full in pg_hba.conf, ${COMMON_NAME_HINT}`;
  }
  return undefined;
}

const SSL_MODE = setting("pg.ssl_mode");
const USERNAME = setting("pg.username");
const PASSWORD = setting("pg.password");
const COMMON_NAME_HINT = advice`the common name of ${setting("pg.ssl_cert")} must be ${USERNAME}`;

/** Translates an ErrorResponse. */
export function translateServerError(error: ServerError, context: string): CaptureError {
  const { kind, hint } = classify(error);
  const message = `${context}: ${error.message}${error.detail === undefined ? "" : ` (${error.detail})`}` +
    (hint === undefined ? suggestionOf(error) : "");
  if (kind === "poison-change" && error.where !== undefined) {
    return new CaptureError(kind, `${message} (${error.where.replaceAll("\n", "; ")})`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return new CaptureError(kind, message, { cause: error, ...(hint === undefined ? {} : { hint }) });
}

/**
 * Quotes the server's HINT as the server's own words: an impostor can write anything there, and users copy
 * our fix into a shell.
 */
function suggestionOf({ hint }: ServerError): string {
  return hint === undefined
    ? ""
    : `; the server suggests: ${JSON.stringify(hint.slice(0, SUGGESTION_LENGTH_MAX))}`;
}

const SUGGESTION_LENGTH_MAX = 300;

/**
 * PostgreSQL 18 only warns if a publication did not exist at the time of a change, and skips the changes that
 * it would have published (pgoutput.c, LoadPublications); earlier versions report an error.
 * @throws CaptureError if the notice is that warning
 */
export function throwSkippedPublication(notice: ServerError, context: string): void {
  if (notice.severity !== "WARNING" || notice.code !== OBJECT_NOT_IN_PREREQUISITE_STATE) return;
  throw translateServerError({ ...notice, code: UNDEFINED_OBJECT }, context);
}

const OBJECT_NOT_IN_PREREQUISITE_STATE = "55000";
const UNDEFINED_OBJECT = "42704";

interface Classified {
  readonly kind: ErrorKind;
  readonly hint?: Advice;
}

const INSUFFICIENT_PRIVILEGE = "42501";
const WRONG_PASSWORD = "28P01";

// SQLSTATEs: PostgreSQL manual, appendix A.
function classify(error: ServerError): Classified {
  const { code, message } = error;
  switch (code) {
    case WRONG_PASSWORD:
    case "28000":
      return {
        kind: "postgres-refused",
        hint: advice`check ${USERNAME}, ${PASSWORD} and the server's pg_hba.conf`,
      };
    case "3D000":
      return { kind: "postgres-refused", hint: advice`check ${setting("pg.database")}` };
    case INSUFFICIENT_PRIVILEGE:
      return {
        kind: "postgres-refused",
        hint: message.startsWith("must be owner of")
          ? "do it as the owner, or as a member of the owner's role"
          : "the role needs REPLICATION: ALTER ROLE <role> REPLICATION;",
      };
    case "53400":
      return {
        kind: "postgres-refused",
        hint: "raise max_replication_slots and restart PostgreSQL, or drop one that is lost: SELECT " +
          "pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE wal_status = 'lost';",
      };
    case "55006":
      return { kind: "slot-in-use" };
    case "22021":
    case "22P05":
      return { kind: "poison-change", hint: POISON_HINT };
    case UNDEFINED_OBJECT:
      return message.includes("publication")
        ? { kind: "publication-missing", hint: PUBLICATION_HINT }
        : { kind: "slot-unusable" };
    case OBJECT_NOT_IN_PREREQUISITE_STATE:
      return notInPrerequisiteState(error);
    case "XX000":
      return message.includes("invalid memory alloc request")
        ? { kind: "poison-change", hint: POISON_HINT }
        : { kind: "postgres-unavailable" };
    // enlargeStringInfo (stringinfo.c): the change exceeds the 1 GB limit of a message.
    case "54000":
      return { kind: "poison-change", hint: POISON_HINT };
    case "57P03":
      return { kind: "postgres-not-ready" };
    default:
      return { kind: REFUSING_CLASSES.has(code.slice(0, 2)) ? "postgres-refused" : "postgres-unavailable" };
  }
}

/**
 * Object not in prerequisite state. Messages can be translated (lc_messages): a message that is not
 * recognized here is retried, and the next query of pg_replication_slots finds a slot that is invalidated or
 * of another kind.
 */
function notInPrerequisiteState({ message, detail }: ServerError): Classified {
  if (message.includes("wal_level")) return { kind: "postgres-refused", hint: WAL_LEVEL_HINT };
  // logical.c, CreateDecodingContext, PostgreSQL 17 and later.
  if (detail?.includes("being synchronized from the primary")) {
    return { kind: "postgres-unavailable", hint: SYNCHRONIZED_HINT };
  }
  if (INVALIDATED.test(message)) return { kind: "slot-unusable", hint: LOST_SLOT_HINT };
  if (OTHER_SLOT.test(message)) return { kind: "slot-unusable", hint: OTHER_SLOT_HINT };
  return { kind: "postgres-unavailable" };
}

// walsender.c and logical.c up to PostgreSQL 17; slot.c, ReplicationSlotAcquire, from 18 on.
const INVALIDATED = /cannot read from logical replication slot|can no longer access replication slot/;
// logical.c, CreateDecodingContext.
const OTHER_SLOT = /was not created in this database|cannot use physical replication slot/;

/**
 * The standby synchronizes this slot from its primary (PostgreSQL 17 and later); it is readable after a
 * promotion.
 */
export function beingSynchronized(context: string): CaptureError {
  return new CaptureError(
    "postgres-unavailable",
    `${context}: the server is a standby, on which it is being synchronized from the primary`,
    { hint: SYNCHRONIZED_HINT },
  );
}

/** The SQLSTATE of a server error; undefined if the error is not the server's. */
export function sqlStateOf(error: unknown): string | undefined {
  const cause = error instanceof CaptureError ? error.cause : error;
  return isServerError(cause) ? cause.code : undefined;
}

export const DUPLICATE_OBJECT = "42710";

// 0A feature not supported, 22 data exception, 28 authorization, 3D/3F catalog names, 42 syntax or access
// rule.
const REFUSING_CLASSES: ReadonlySet<string> = new Set(["0A", "22", "28", "3D", "3F", "42"]);
const WAL_LEVEL_HINT = "ALTER SYSTEM SET wal_level = logical; then restart PostgreSQL";
// pgoutput looks up publications in the catalog as of each change (historic snapshot).
const STUCK_SLOT = "if the publication was dropped, the slot cannot decode what was written since: " +
  "CREATE PUBLICATION again and";
const PUBLICATION_HINT = advice`set ${
  setting("pg.publication")
} back if it was changed; ${STUCK_SLOT} ${START_ANEW}`;
/**
 * Only for a slot that PostgreSQL itself reports as invalidated: for any other slot it would lose changes.
 */
export const LOST_SLOT_HINT =
  advice`changes are gone, and the slot is of no use: pg-capture teardown --progress --yes, then ${START_ANEW}`;
const SYNCHRONIZED_HINT = advice`point ${setting("pg.host")} at the primary, or promote this server`;
const OTHER_SLOT_HINT = advice`set ${setting("pg.slot_name")} to a name that is free`;
const POISON_HINT =
  "PostgreSQL cannot decode a change in the slot: see docs/OPERATIONS.md, poison changes, for how to find and pass it";

/** Whether the error is an ErrorResponse as thrown by `pg`. */
export function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && "severity" in error && "code" in error && typeof error.code === "string";
}

/** Turns Node's and Deno's wording of a connection error into one plain phrase. */
function connectionFault(error: Error): string {
  const code = "code" in error ? error.code : undefined;
  if (error instanceof Deno.errors.ConnectionRefused || code === "ECONNREFUSED") return "connection refused";
  if (error instanceof Deno.errors.NotFound) return "there is no such socket";
  if (error.message.includes("failed to lookup address") || code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return "there is no host of that name";
  }
  if (error instanceof Deno.errors.ConnectionReset || code === "ECONNRESET") {
    return "the connection was reset";
  }
  if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
    return "the connection was closed";
  }
  if (/Connection terminated|not queryable/.test(error.message)) {
    return "the connection was closed by the server";
  }
  if (error.message.includes("timeout expired")) return "no answer in time";
  return error.message;
}
