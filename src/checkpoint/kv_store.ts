// Keeps the checkpoint in a Deno KV file: the door to Deno.openKv.

import { dirname } from "node:path";
import { CaptureError } from "../core/errors.ts";
import { formatLsn, parseLsn, type Position, positionOfVersion1, VERSION_1_HINT } from "../core/position.ts";
import { utf8 } from "../core/utf8.ts";
import type { Checkpoint, CheckpointStore } from "../pipeline/ports.ts";

const KEY = ["checkpoint"];
const FORMAT_VERSION = 2;

/** A file with one checkpoint: LSNs as PostgreSQL prints them, so that a person can read it. */
export class KvCheckpointStore implements CheckpointStore, Disposable {
  readonly #path: string;
  #kv: Deno.Kv | undefined;
  #opening: Promise<Deno.Kv> | undefined;

  /** @param path of the file; it and its folder are made when they are not there */
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
    // Bytes are kept as they are. Any other value goes through V8's serializer, whose output an older V8 refuses:
    // whoever goes back to the version before would be left without the checkpoint.
    await this.#guard("write", () => kv.set(KEY, utf8(text)));
  }

  /** The opened file, for what else is kept in it. @throws CaptureError `checkpoint-unavailable` */
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
      if (DAMAGED.test(found)) this.close(); // so that a file in its place is opened
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
        "it was written by another version; use that one, or delete the file to go by the progress record in Kafka",
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

/** Null where the fields are none of this version's or the one before, undefined where their meaning can't be known. */
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

// SQLite's words for what is no database of its own (SQLITE_NOTADB), or not any more (SQLITE_CORRUPT).
const DAMAGED = /not a database|malformed/;
/** Nothing is lost by that: Kafka's progress record serves, or the slot's own position, which is not beyond. */
const REMOVE_HINT = "delete it, if REPLICATION_CHECKPOINT_FILE is right: pg-capture creates another";
const WRITABLE_HINT =
  "make the folder writable, or set REPLICATION_CHECKPOINT_FILE to a file that can be created and written";

/**
 * Makes the file, readable for this user alone, or takes away what others may do with it. What SQLite keeps
 * beside it gets the same mode (os_unix.c, findCreateFileMode).
 * @throws Error where a name is a symbolic link: it would lead the writes to a file that somebody else chose
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
  // A file system without modes refuses; there the folder has to keep others off.
  if (mode !== null && (mode & 0o077) !== 0) await Deno.chmod(path, 0o600).catch(() => {});
}

function ignoreNotFound(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** The object that the bytes are the JSON of; an empty one where they are not. */
function jsonObject(value: unknown): Readonly<Record<string, unknown>> {
  if (!(value instanceof Uint8Array)) return {};
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(value));
    return typeof parsed === "object" && parsed !== null ? parsed as Record<string, unknown> : {};
  } catch {
    return {};
  }
}
