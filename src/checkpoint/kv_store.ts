// Keeps the checkpoint in a Deno KV file.

import { dirname } from "node:path";
import { CaptureError } from "../core/errors.ts";
import { formatLsn, parseLsn, type Position, positionOfVersion1, VERSION_1_HINT } from "../core/position.ts";
import { utf8 } from "../core/utf8.ts";
import type { Checkpoint, CheckpointStore } from "../pipeline/ports.ts";

const KEY = ["checkpoint"];
const FORMAT_VERSION = 2;

/** A file with one checkpoint, as JSON with LSNs as PostgreSQL prints them. */
export class KvCheckpointStore implements CheckpointStore, Disposable {
  readonly #path: string;
  #kv: Deno.Kv | undefined;
  #opening: Promise<Deno.Kv> | undefined;

  /** @param path the file's path. The file and its directory are created if they do not exist */
  constructor(path: string) {
    this.#path = path;
  }

  async load(): Promise<Checkpoint | null> {
    const kv = await this.#open();
    const { value } = await this.#guard("read", () => kv.get(KEY));
    return value === null ? null : this.#parse(value);
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    const { progress, delivery } = checkpoint;
    const kv = await this.#open();
    const text = JSON.stringify({
      version: FORMAT_VERSION,
      systemIdentifier: progress.identity.systemIdentifier,
      database: progress.identity.database,
      slot: progress.identity.slot,
      timeline: progress.timeline,
      publication: progress.publication,
      commitLsn: formatLsn(progress.position.commitLsn),
      seq: progress.position.seq,
      commitTimeMs: progress.position.commitTimeMs,
      endLsn: formatLsn(progress.position.endLsn),
      delivery,
    });
    // As bytes: Deno KV stores any other value in V8's serialization format, which an older V8 can't read, so
    // the checkpoint would be lost after a downgrade.
    await this.#guard("write", () => kv.set(KEY, utf8(text)));
  }

  /** The open file, for `KvRelationStore`. @throws CaptureError `checkpoint-unavailable` */
  kv(): Promise<Deno.Kv> {
    return this.#open();
  }

  close(): void {
    this.#kv?.close();
    this.#kv = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #open(): Promise<Deno.Kv> {
    if (this.#kv !== undefined) return this.#kv;
    this.#opening ??= this.#guard("open", async () => {
      await Deno.mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      await prepareFile(this.#path);
      return await Deno.openKv(this.#path);
    }).finally(() => this.#opening = undefined);
    return this.#kv = await this.#opening;
  }

  async #guard<T>(doing: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      if (DAMAGED.test(found)) this.close(); // a file that replaces it is then opened
      throw new CaptureError(
        "checkpoint-unavailable",
        `Cannot ${doing} checkpoint file "${this.#path}": ${found}`,
        { hint: DAMAGED.test(found) ? REMOVE_HINT : WRITABLE_HINT, cause: error },
      );
    }
  }

  #parse(value: unknown): Checkpoint {
    const fields = jsonObject(value);
    const position = positionOf(fields);
    const { systemIdentifier, database, slot, timeline, publication = "", delivery } = fields;
    const isWhole = typeof systemIdentifier === "string" && typeof database === "string" &&
      typeof slot === "string" && typeof timeline === "number" && typeof publication === "string" &&
      (delivery === "exactly-once" || delivery === "at-least-once");
    if (!isWhole || position === null) {
      throw this.#unreadable(
        `it is not of format ${FORMAT_VERSION}`,
        "use the version that wrote it, or delete the file to go by the progress record in Kafka",
      );
    }
    if (position === undefined) {
      throw this.#unreadable(
        "version 0.1.0 wrote it in the middle of a transaction or right after a logical message",
        `${VERSION_1_HINT}; or delete the file to go by the progress record in Kafka`,
      );
    }
    return {
      progress: { identity: { systemIdentifier, database, slot }, timeline, publication, position },
      delivery,
    };
  }

  #unreadable(found: string, hint: string): CaptureError {
    return new CaptureError("position-conflict", `Cannot read checkpoint file "${this.#path}": ${found}`, {
      hint,
    });
  }
}

/**
 * Null if the fields are not of a known version; undefined if they are of version 1 and can't be converted.
 */
function positionOf(fields: Readonly<Record<string, unknown>>): Position | null | undefined {
  const commitLsn = parseLsn(String(fields.commitLsn));
  const endLsn = parseLsn(String(fields.endLsn));
  if (commitLsn === undefined || endLsn === undefined) return null;
  if (fields.version === 1) return positionOfVersion1(commitLsn, endLsn);
  const { seq, commitTimeMs } = fields;
  return fields.version === FORMAT_VERSION && typeof seq === "number" && typeof commitTimeMs === "number"
    ? { commitLsn, seq, commitTimeMs, endLsn }
    : null;
}

// SQLite's messages for SQLITE_NOTADB and SQLITE_CORRUPT.
const DAMAGED = /not a database|malformed/;
/** Nothing is lost without the file: Kafka's progress record or the position of the slot takes its place. */
const REMOVE_HINT = "delete it, if REPLICATION_CHECKPOINT_FILE is right: pg-capture creates another";
const WRITABLE_HINT =
  "make the folder writable, or set REPLICATION_CHECKPOINT_FILE to a file that can be created and written";

/**
 * Creates the file with mode 0600, or removes the access of others to it. SQLite's own files beside it get
 * the same mode (os_unix.c, findCreateFileMode).
 * @throws Error if a name is a symbolic link, through which another user could choose the file that is
 *   written
 */
async function prepareFile(path: string): Promise<void> {
  for (const name of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
    const { isSymlink } = await Deno.lstat(name).catch(ignoreNotFound) ?? {};
    if (isSymlink) throw new Error(`"${name}" is a symbolic link, which is not followed`);
  }
  const options = { write: true, createNew: true, mode: 0o600 };
  const made = await Deno.open(path, options).catch((error) => {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  });
  made?.close();
  const { mode } = await Deno.stat(path);
  // On a file system without modes, chmod fails. Access then depends on the directory.
  if (mode !== null && (mode & 0o077) !== 0) await Deno.chmod(path, 0o600).catch(() => {});
}

function ignoreNotFound(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** Parses the JSON object in the bytes; an empty object if there is none. */
function jsonObject(value: unknown): Readonly<Record<string, unknown>> {
  if (!(value instanceof Uint8Array)) return {};
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(value));
    return typeof parsed === "object" && parsed !== null ? parsed as Record<string, unknown> : {};
  } catch {
    return {};
  }
}
