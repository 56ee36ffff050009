// The PostgreSQL side of the pipeline: connects, inspects, creates the slot, starts the stream.

import { advice, setting } from "../core/advice.ts";
import { builtinType } from "../core/builtin_types.ts";
import { CaptureError } from "../core/errors.ts";
import { type Lsn, parseLsn } from "../core/position.ts";
import type {
  PublicationChange,
  PublishedOid,
  PublishedTable,
  RelationDetails,
  ReplicationSource,
  ReplicationStream,
  ServerInfo,
  SlotBlocker,
  SlotState,
  SourceSession,
  SourceWarning,
  TimelineSwitch,
  WalState,
} from "../pipeline/ports.ts";
import type { SnapshotReader } from "../pipeline/snapshot_ports.ts";
import { PostgresSnapshotReader } from "./snapshot/snapshot_reader.ts";
import { describeRelation, readCompositeTypes } from "./catalog.ts";
import { PostgresConnection, quoteIdentifier } from "./connection.ts";
import { managePublication } from "./managed_publication.ts";
import { identifyServer, parseTimelineHistory } from "./identification.ts";
import type { PostgresOptions, ReplicationOptions } from "./options.ts";
import { publicationWarnings, readPublication, readPublishedOids, readUnpublished } from "./publication.ts";
import { PostgresStream } from "./replication_stream.ts";
import { createSlot, readSlot, readSlotBlockers, readWal, readWalEnd, refusePromoted } from "./slot.ts";

/** A source that reads one slot of one database with pgoutput. */
export class PostgresSource implements ReplicationSource {
  readonly #postgres: PostgresOptions;
  readonly #replication: ReplicationOptions;
  readonly #now: () => number;

  constructor(postgres: PostgresOptions, replication: ReplicationOptions, now: () => number) {
    this.#postgres = postgres;
    this.#replication = replication;
    this.#now = now;
  }

  async connect(signal: AbortSignal): Promise<SourceSession> {
    const connection = await PostgresConnection.open(this.#postgres, "replication", signal);
    try {
      const server = await identifyServer(connection, signal);
      // By the time another connection is opened, another server may be the writable one.
      const postgres = { ...this.#postgres, servers: [connection.server] };
      // Not on the stream's connection: the walsender would use what a query, such as one on
      // pg_publication_tables, leaves in its relation cache. Rows older than an ALTER TABLE would then be
      // sent with today's columns.
      using inspecting = await PostgresConnection.open(postgres, "sql", signal);
      const change = await keep(inspecting, this.#replication, server.versionNumber, signal);
      const { publication } = this.#replication;
      const tables = await readPublication(inspecting, publication, server.versionNumber, signal);
      const unpublished = await readUnpublished(inspecting, publication, signal);
      return new PostgresSession(
        postgres,
        this.#replication,
        connection,
        server,
        tables,
        publicationWarnings(publication, tables, unpublished),
        change,
        this.#now,
      );
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}

class PostgresSession implements SourceSession {
  readonly server: ServerInfo;
  readonly publishedTables: readonly PublishedTable[];
  readonly warnings: readonly SourceWarning[];
  readonly publicationChange: PublicationChange | null;
  readonly #postgres: PostgresOptions;
  readonly #replication: ReplicationOptions;
  readonly #connection: PostgresConnection;
  readonly #now: () => number;
  #watching: Promise<PostgresConnection> | undefined;
  /** The composite types used to describe relations, as of the last check. */
  readonly #compositeTypes = new Map<number, string>();
  #walsenderPid = 0;
  /** Whether the connection now belongs to the stream. */
  #started = false;

  constructor(
    postgres: PostgresOptions,
    replication: ReplicationOptions,
    connection: PostgresConnection,
    server: ServerInfo,
    tables: readonly PublishedTable[],
    warnings: readonly SourceWarning[],
    change: PublicationChange | null,
    now: () => number,
  ) {
    this.#postgres = postgres;
    this.#replication = replication;
    this.#connection = connection;
    this.server = server;
    this.publishedTables = tables;
    this.warnings = warnings;
    this.publicationChange = change;
    this.#now = now;
  }

  async slot(signal: AbortSignal): Promise<SlotState | null> {
    if (!this.#started) return await this.#readSlot(this.#connection, signal);
    using connection = await PostgresConnection.open(this.#postgres, "sql", signal);
    return await this.#readSlot(connection, signal);
  }

  async slotBlockers(signal: AbortSignal): Promise<readonly SlotBlocker[]> {
    using connection = await PostgresConnection.open(this.#postgres, "sql", signal);
    return await readSlotBlockers(connection, this.#walsenderPid, signal);
  }

  async createSlot(signal: AbortSignal): Promise<Lsn | null> {
    const { slot, failover, temporary } = this.#replication;
    if (failover && this.server.versionNumber < 170_000) {
      throw new CaptureError(
        "postgres-refused",
        "Cannot create a failover slot: it needs PostgreSQL 17 or later",
        {
          hint: advice`set ${setting("pg.slot_failover")}=false`,
        },
      );
    }
    const row = await this.#connection.queryRow(
      "SELECT pg_backend_pid() AS pid",
      "ask for the process",
      signal,
    );
    this.#walsenderPid = Number(row.pid);
    return await createSlot(this.#connection, slot, { failover, temporary }, signal);
  }

  async start(signal: AbortSignal): Promise<ReplicationStream> {
    const { slot, messageBytesMax } = this.#replication;
    const command = startCommand(this.#replication);
    const options = { what: `replication on slot "${slot}"`, now: this.#now, messageBytesMax };
    this.#started = true;
    return await PostgresStream.start(this.#connection.takeOver(), command, options, signal);
  }

  async timelineHistory(signal: AbortSignal): Promise<readonly TimelineSwitch[]> {
    if (this.server.timeline === 1) return [];
    using connection = await PostgresConnection.open(this.#postgres, "replication", signal);
    const row = await connection.queryRow(
      `TIMELINE_HISTORY ${this.server.timeline}`,
      "read the history of the server's timeline",
      signal,
    );
    return parseTimelineHistory(row.content ?? "");
  }

  async readWal(signal: AbortSignal): Promise<WalState> {
    return await this.#watch((connection) => readWal(connection, this.#replication.slot, signal), signal);
  }

  async managePublication(signal: AbortSignal): Promise<PublicationChange | null> {
    return await this.#watch(
      (connection) => keep(connection, this.#replication, this.server.versionNumber, signal),
      signal,
    );
  }

  async describeRelation(
    relationId: number,
    typeOids: readonly number[],
    signal: AbortSignal,
  ): Promise<RelationDetails> {
    using connection = await PostgresConnection.open(this.#postgres, "sql", signal);
    const details = await describeRelation(connection, relationId, typeOids, builtinType, signal);
    const unseen = details.compositeRelations.filter((oid) => !this.#compositeTypes.has(oid));
    if (unseen.length > 0) {
      for (const [oid, text] of await readCompositeTypes(connection, unseen, signal)) {
        this.#compositeTypes.set(oid, text);
      }
    }
    return details;
  }

  async readTypesChange(signal: AbortSignal): Promise<Lsn | null> {
    if (this.#compositeTypes.size === 0) return null;
    return await this.#watch(async (connection) => {
      const found = await readCompositeTypes(connection, [...this.#compositeTypes.keys()], signal);
      let isChanged = false;
      for (const [oid, text] of found) {
        if (this.#compositeTypes.get(oid) !== text) isChanged = true;
        this.#compositeTypes.set(oid, text);
      }
      return isChanged ? await readWalEnd(connection, signal) : null;
    }, signal);
  }

  async publishedNow(signal: AbortSignal): Promise<readonly PublishedOid[]> {
    const { publication } = this.#replication;
    using connection = await PostgresConnection.open(this.#postgres, "sql", signal);
    return await readPublishedOids(connection, publication, this.server.versionNumber, signal);
  }

  async advanceWal(signal: AbortSignal): Promise<Lsn> {
    return await this.#watch(async (connection) => {
      await connection.query("SELECT pg_catalog.pg_current_xact_id()", "advance the WAL", signal);
      const doing = "read the end of the WAL";
      const row = await connection.queryRow(
        "SELECT pg_catalog.pg_current_wal_insert_lsn() AS wal_end",
        doing,
        signal,
      );
      return parseLsn(row.wal_end ?? "") ?? 0n;
    }, signal);
  }

  openSnapshotReader(): SnapshotReader {
    const { publication, messageBytesMax } = this.#replication;
    return new PostgresSnapshotReader(this.#postgres, {
      publication,
      versionNumber: this.server.versionNumber,
      rowBytesMax: messageBytesMax ?? Infinity,
    });
  }

  close(): void {
    this.#connection.close();
    closeLater(this.#watching);
  }

  async #readSlot(connection: PostgresConnection, signal: AbortSignal): Promise<SlotState | null> {
    const state = await readSlot(connection, this.#replication.slot, this.#postgres.database, signal);
    if (this.server.isStandby) await refusePromoted(connection, signal);
    return state;
  }

  /** Runs a query on the connection that watches the server, beside the stream's connection. */
  async #watch<T>(look: (connection: PostgresConnection) => Promise<T>, signal: AbortSignal): Promise<T> {
    const watching = this.#watching ??= PostgresConnection.open(this.#postgres, "sql", signal);
    try {
      return await look(await watching);
    } catch (error) {
      closeLater(watching);
      if (this.#watching === watching) this.#watching = undefined;
      throw error;
    }
  }
}

function closeLater(opening: Promise<PostgresConnection> | undefined): void {
  opening?.then((connection) => connection.close(), () => {});
}

/** Must run before a slot is created: a slot does not see a publication younger than itself. */
async function keep(
  connection: PostgresConnection,
  { publication, tables, slot }: ReplicationOptions,
  versionNumber: number,
  signal: AbortSignal,
): Promise<PublicationChange | null> {
  if (tables === undefined) return null;
  return await managePublication(connection, { publication, tables, slot }, versionNumber, signal);
}

/**
 * With 0/0, PostgreSQL starts at the slot's own confirmed position (logical.c, CreateDecodingContext). It
 * would silently accept a position of ours ahead of that, even one beyond the end of WAL.
 */
export function startCommand(
  { slot, publication, messages }: Pick<ReplicationOptions, "slot" | "publication" | "messages">,
): string {
  return `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL 0/0 (proto_version '1', ` +
    `publication_names '${quoteIdentifier(publication).replaceAll("'", "''")}', messages '${messages}')`;
}
