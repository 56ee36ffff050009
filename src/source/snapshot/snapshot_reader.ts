// Reads tables for snapshots on a separate connection.

import { CaptureError, errorPolicy } from "../../core/errors.ts";
import { parseLsn } from "../../core/position.ts";
import { joinReason } from "../../core/reason.ts";
import { Visibility } from "../../core/visibility.ts";
import { type TableName, tableText } from "../../core/table_name.ts";
import type {
  Chunk,
  ChunkQuery,
  ReadMoment,
  RowBlock,
  SnapshotReader,
  SnapshotTable,
  TableFault,
  WholeRead,
} from "../../pipeline/snapshot_ports.ts";
import { PostgresConnection, quoteLiteral } from "../connection.ts";
import { type ServerError, translateServerError } from "../errors.ts";
import type { PostgresOptions } from "../options.ts";
import { BlockPool } from "./block_pool.ts";
import { calledNames, conditionFault } from "./condition.ts";
import { beginSql, chunkSql, MOMENT_SQL, wholeSql } from "./chunk_sql.ts";
import { RowConnection, type TextRow } from "./row_connection.ts";
import { bypassRowSecurity, grantSelect } from "./unreadable_tables.ts";
import { readPlan, type TablePlan, TableQuestions } from "./table_plan.ts";

/** The options of a reader besides the connection. */
export interface SnapshotReaderOptions {
  readonly publication: string;
  readonly versionNumber: number;
  /** Larger rows are returned without their long values. */
  readonly rowBytesMax: number;
}

// A role or a database can limit the length of transactions. Row-level security would silently leave rows
// out. A chunk must be found by the key's index, even if the table was just filled and its statistics are out
// of date. A session that holds a lock must not hold up other tables.
const SETTINGS =
  "SET row_security = off; SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = 0; " +
  "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'; " +
  "SET enable_seqscan = off; " +
  "SET enable_bitmapscan = off; SET enable_sort = off; SET jit = off; SET max_parallel_workers_per_gather = 0";

/** Connects on first use, and again after a failure. */
export class PostgresSnapshotReader implements SnapshotReader {
  readonly #postgres: PostgresOptions;
  readonly #options: SnapshotReaderOptions;
  readonly #pool = new BlockPool();
  /** The last condition that passed the check. */
  #harmless: string | undefined;
  #opening: Promise<RowConnection> | undefined;
  #connection: RowConnection | undefined;
  #isClosed = false;

  constructor(postgres: PostgresOptions, options: SnapshotReaderOptions) {
    this.#postgres = postgres;
    this.#options = options;
  }

  async describe(
    schema: string,
    table: string,
    signal: AbortSignal,
  ): Promise<SnapshotTable | TableFault> {
    const { publication, versionNumber } = this.#options;
    const questions = new TableQuestions(schema, table, publication, versionNumber);
    return await this.#during(async (connection) => {
      await connection.send(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${questions.plan}; COMMIT`);
      await connection.rows(signal); // BEGIN
      const results: (readonly TextRow[])[] = [];
      for (let statement = 0; statement < 4; statement++) {
        results.push(await connection.rows(signal) ?? []);
      }
      const { error } = await connection.end(signal);
      if (error !== undefined) return await this.#failed(connection, error, { schema, table }, signal);
      return readPlan(schema, table, results) ?? { kind: "gone" };
    });
  }

  async readChunk(
    table: SnapshotTable,
    query: ChunkQuery,
    signal: AbortSignal,
  ): Promise<Chunk | TableFault> {
    const plan = table as TablePlan;
    return await this.#during(async (connection) => {
      const fault = await this.#conditionFault(connection, query.where, signal);
      if (fault !== undefined) return fault;
      await connection.send(
        `${beginSql(plan)}; ${this.#momentSql(plan)}; ${chunkSql(plan, query)}; COMMIT`,
      );
      await connection.rows(signal); // BEGIN
      await connection.rows(signal); // LOCK
      const moment = momentOf(await connection.rows(signal));
      const signature = await connection.rows(signal);
      const read = await connection.block(query.bytesMax, signal);
      if (read !== undefined && !read.isEnd && moment !== undefined && isCurrent(plan, signature)) {
        // The rows so far form a chunk; the rest is not awaited.
        this.#drop();
        return { moment, rows: read.rows, isLast: false };
      }
      const { error } = await connection.end(signal);
      if (error !== undefined || moment === undefined || read === undefined) {
        read?.rows.release();
        return await this.#failed(connection, error, plan.relation, signal, isCurrent(plan, signature));
      }
      if (!isCurrent(plan, signature)) {
        read.rows.release();
        return { kind: "changed" };
      }
      return { moment, rows: read.rows, isLast: read.rows.count < query.rowsMax };
    });
  }

  async lock(
    table: SnapshotTable,
    where: string | null,
    signal: AbortSignal,
  ): Promise<TableFault | null> {
    return await this.#during(async (connection) => {
      const fault = await this.#conditionFault(connection, where, signal);
      if (fault !== undefined) return fault;
      await connection.send(beginSql(table as TablePlan));
      const { error } = await connection.end(signal);
      return error === undefined ? null : await this.#failed(connection, error, table.relation, signal);
    });
  }

  async readWhole(
    table: SnapshotTable,
    where: string | null,
    signal: AbortSignal,
  ): Promise<WholeRead | TableFault> {
    const plan = table as TablePlan;
    return await this.#during(async (connection) => {
      await connection.send(this.#momentSql(plan));
      const moment = momentOf(await connection.rows(signal));
      const signature = await connection.rows(signal);
      const { error } = await connection.end(signal);
      if (error !== undefined || moment === undefined) {
        return await this.#failed(connection, error, plan.relation, signal);
      }
      if (!isCurrent(plan, signature)) return { kind: "changed" };
      return { moment, next: this.#wholeRows(connection, plan, where) };
    });
  }

  async unlock(signal: AbortSignal): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (connection.isBusy) return this.#drop();
    await this.#during(async () => {
      await connection.send("ROLLBACK");
      await connection.end(signal);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #wholeRows(connection: RowConnection, plan: TablePlan, where: string | null): WholeRead["next"] {
    let state: "new" | "reading" | "ended" = "new";
    return async (bytesMax: number, signal: AbortSignal): Promise<RowBlock | TableFault | null> => {
      if (state === "ended") return null;
      return await this.#during(async () => {
        if (state === "new") await connection.send(wholeSql(plan, where));
        state = "reading";
        const read = await connection.block(bytesMax, signal);
        if (read !== undefined && !read.isEnd) return read.rows;
        state = "ended";
        const { error } = await connection.end(signal);
        if (error !== undefined) {
          read?.rows.release();
          return await this.#failed(connection, error, plan.relation, signal, true);
        }
        return read?.rows ?? null;
      });
    };
  }

  /**
   * Checks a condition. It comes from anyone who can write to the control topic and is evaluated with this
   * role's rights, so it may refer only to the table's columns. Some functions change the server even in a
   * read-only transaction; those functions are volatile.
   */
  async #conditionFault(
    connection: RowConnection,
    where: string | null,
    signal: AbortSignal,
  ): Promise<TableFault | undefined> {
    if (where === null || where === this.#harmless) return undefined;
    const refused = (found: string): TableFault => ({
      kind: "refused",
      reason: `Cannot use the condition of the snapshot: ${found}`,
    });
    const fault = conditionFault(where);
    if (fault !== undefined) return refused(fault);
    const names = calledNames(where).map(quoteLiteral).join(", ");
    await connection.send(
      `SELECT proname, provolatile FROM pg_catalog.pg_proc
        WHERE (provolatile = 'v' OR proname::text LIKE '%_to_xml%') AND proname::text IN (${
        names || "''"
      }) LIMIT 1`,
    );
    const [row] = await connection.rows(signal) ?? [];
    const { error } = await connection.end(signal);
    if (error !== undefined) throw translateServerError(error, MESSAGE);
    if (row !== undefined) {
      const why = row[1] === "v" ? "is volatile" : "reads tables";
      return refused(`it calls ${JSON.stringify(row[0])}, which ${why}`);
    }
    this.#harmless = where;
    return undefined;
  }

  #momentSql({ relation: { schema, table } }: TablePlan): string {
    const { publication, versionNumber } = this.#options;
    const { signature } = new TableQuestions(schema, table, publication, versionNumber);
    return `${MOMENT_SQL}; ${signature}`;
  }

  async #during<T>(act: (connection: RowConnection) => Promise<T>): Promise<T> {
    try {
      return await act(await this.#open());
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  async #open(): Promise<RowConnection> {
    if (this.#isClosed) throw lost("it was closed");
    this.#opening ??= this.#connect();
    return await this.#opening;
  }

  async #connect(): Promise<RowConnection> {
    const signal = AbortSignal.timeout(this.#postgres.connectTimeoutMs);
    const connection = await PostgresConnection.open(this.#postgres, "sql", signal);
    const rows = new RowConnection(connection.takeOver(), this.#pool, this.#options.rowBytesMax);
    this.#connection = rows;
    if (this.#isClosed) rows.close();
    await rows.send(SETTINGS);
    await rows.end(signal);
    return rows;
  }

  /** Closes the connection, which is in the middle of a query or broken. */
  #drop(): void {
    this.#connection?.close();
    this.#connection = this.#opening = undefined;
  }

  /** Ends the failed transaction and translates the server's error into a fault of the table. */
  async #failed(
    connection: RowConnection,
    error: ServerError | undefined,
    table: { readonly schema: string; readonly table: string },
    signal: AbortSignal,
    isUnchanged = false,
  ): Promise<TableFault> {
    if (error === undefined) throw lost("PostgreSQL's answer is incomplete");
    await connection.send("ROLLBACK");
    await connection.end(signal);
    return faultOf(error, table, this.#postgres.username, isUnchanged);
  }
}

const MESSAGE = "Cannot read tables for a snapshot";

function lost(found: string): CaptureError {
  return new CaptureError("postgres-unavailable", `${MESSAGE}: ${found}`);
}

const GONE: ReadonlySet<string> = new Set(["42P01", "3F000"]);
/** undefined_column, undefined_object, undefined_function, datatype_mismatch, changed cached plan. */
const CHANGED: ReadonlySet<string> = new Set(["42703", "42704", "42883", "42804", "0A000"]);
/** lock_not_available, deadlock_detected, serialization_failure, query_canceled. */
const LOCKED: ReadonlySet<string> = new Set(["55P03", "40P01", "40001", "57014"]);
const INSUFFICIENT_PRIVILEGE = "42501";
/** Error classes whose messages quote no row values: access, resources, operators, the system, bugs. */
const WITHOUT_VALUES: ReadonlySet<string> = new Set(["08", "42", "53", "54", "55", "57", "58", "XX"]);

/** @param isUnchanged whether the table still matches its description; if so, the condition is at fault */
function faultOf(error: ServerError, table: TableName, role: string, isUnchanged: boolean): TableFault {
  const { code } = error;
  if (GONE.has(code)) return { kind: "gone" };
  if (CHANGED.has(code) && !isUnchanged) return { kind: "changed" };
  if (LOCKED.has(code)) return { kind: "locked" };
  const context = `Cannot read ${tableText(table)}`;
  if (!WITHOUT_VALUES.has(code.slice(0, 2))) {
    return {
      kind: "refused",
      reason: `${context}: PostgreSQL found a value that it can't evaluate (${code})`,
    };
  }
  const failure = translateServerError(error, context);
  if (errorPolicy(failure.kind).action === "retry") throw failure;
  return { kind: "refused", reason: joinReason(failure.message, fixOf(error, table, role)) };
}

function fixOf({ code, message }: ServerError, table: TableName, role: string): string | null {
  if (code !== INSUFFICIENT_PRIVILEGE) return null;
  return message.includes("row-level security") ? bypassRowSecurity(role) : grantSelect(table, role);
}

function isCurrent({ signature }: TablePlan, found: readonly TextRow[] | undefined): boolean {
  return found?.[0]?.[0] === signature;
}

function momentOf(rows: readonly TextRow[] | undefined): ReadMoment | undefined {
  const [snapshot, walEnd, timeMs] = rows?.[0] ?? [];
  const visibility = Visibility.parse(snapshot ?? "");
  const lsn = parseLsn(walEnd ?? "");
  if (visibility === undefined || lsn === undefined) return undefined;
  return { visibility, walEnd: lsn, timeMs: Number(timeMs) };
}
