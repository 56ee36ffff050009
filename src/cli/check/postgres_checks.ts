// What `run` needs from PostgreSQL, in the order in which `run` needs it.

import { formatAddress } from "../../core/address.ts";
import type { Config } from "../../config/config.ts";
import { quoteIdentifier } from "../../source/connection.ts";
import type { TlsFacts } from "../../source/link.ts";
import type { PostgresOptions } from "../../source/options.ts";
import { inspectSystem, PostgresInspection, type ServerFacts } from "../../source/inspection.ts";
import { STANDBY_VERSION_MIN } from "../../source/identification.ts";
import { postgresOptions } from "../adapters.ts";
import { failed, failure, type Finding, type Findings, ok, warning } from "./finding.ts";
import type { PostgresFacts } from "./postgres_facts.ts";
import { publicationFindings } from "./publication_checks.ts";
import { slotFindings } from "./slot_checks.ts";
import { formatVersion } from "./units.ts";

const VERSION_MIN = 140_000;

/** Runs all PostgreSQL checks; ends early if PostgreSQL can't be reached. */
export async function* postgresFindings(config: Config, facts: PostgresFacts, signal: AbortSignal): Findings {
  const { pg } = config;
  let options: PostgresOptions;
  let inspection: PostgresInspection;
  try {
    options = postgresOptions(config);
    inspection = await PostgresInspection.open(options, signal);
  } catch (error) {
    yield failed("PostgreSQL: connection", error);
    return;
  }
  using _inspection = inspection;
  const { server: address, tls } = inspection.connection;
  yield ok("PostgreSQL: connection", `${formatAddress(address)}/${pg.database} as ${pg.username}`);
  const server = await inspection.server(signal);
  yield tlsFinding(address.host, tls);
  yield* serverFindings(server, pg.username);
  try {
    facts.system = await inspectSystem(options, signal);
    yield ok(
      "PostgreSQL: replication connection",
      `system ${facts.system.systemIdentifier}, timeline ${facts.system.timeline}`,
    );
  } catch (error) {
    yield failed("PostgreSQL: replication connection", error);
  }
  yield* publicationFindings(config, inspection, facts, server.versionNumber, signal);
  yield* slotFindings(config, inspection, server, signal);
}

function tlsFinding(host: string, tls: TlsFacts | null): Finding {
  const check = "PostgreSQL: TLS";
  if (tls !== null) {
    const used = [tls.protocol, tls.cipher].filter((part) => part !== undefined).join(" ");
    if (tls.verified === "full") return ok(check, `${used}, certificate and host name verified`);
    if (tls.verified === "ca") return ok(check, `${used}, certificate verified, host name not verified`);
    return warning(
      check,
      `${used}, certificate not verified: an attacker on the network can impersonate the server`,
      "set PG_SSL_MODE=verify-full and PG_SSL_ROOT_CERT",
    );
  }
  const isLocal = host.startsWith("/") || ["localhost", "127.0.0.1", "::1"].includes(host);
  if (isLocal) return ok(check, "not encrypted (local connection)");
  return warning(
    check,
    "not encrypted: an attacker on the network can read and change the data",
    "set PG_SSL_MODE=verify-full and PG_SSL_ROOT_CERT",
  );
}

function* serverFindings(server: ServerFacts, username: string): Generator<Finding> {
  const version = formatVersion(server.versionNumber);
  yield server.versionNumber >= VERSION_MIN
    ? ok("PostgreSQL: version", version)
    : failure("PostgreSQL: version", `${version}, older than 14`, "upgrade to PostgreSQL 14 or later");
  if (server.isStandby) {
    yield server.versionNumber >= STANDBY_VERSION_MIN
      ? ok("PostgreSQL: primary", "a standby; this version can decode on standbys")
      : failure(
        "PostgreSQL: primary",
        "the server is a standby",
        "point PG_HOST at the primary, or promote it",
      );
  }
  yield server.walLevel === "logical" ? ok("PostgreSQL: wal_level", "logical") : failure(
    "PostgreSQL: wal_level",
    `${server.walLevel}, must be logical`,
    "ALTER SYSTEM SET wal_level = logical;  then restart PostgreSQL",
  );
  const sendersFree = server.sendersMax - server.sendersUsed;
  const senders = `${sendersFree} of ${server.sendersMax} walsenders free`;
  yield sendersFree > 0 ? ok("PostgreSQL: max_wal_senders", senders) : failure(
    "PostgreSQL: max_wal_senders",
    senders,
    `ALTER SYSTEM SET max_wal_senders = ${server.sendersMax + 5};  then restart PostgreSQL`,
  );
  yield server.canReplicate ? ok("PostgreSQL: role", `${username} has the REPLICATION attribute`) : failure(
    "PostgreSQL: role",
    `${username} lacks the REPLICATION attribute`,
    `ALTER ROLE ${quoteIdentifier(username)} REPLICATION;`,
  );
}
