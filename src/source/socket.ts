// Wraps the network: opens links, and lets `pg` use one until the replication stream takes it over.

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { CaptureError } from "../core/errors.ts";
import { type FrameGuard, malformed } from "./frame_guard.ts";
import { type Link, PlainLink } from "./link.ts";
import type { PostgresServer } from "./options.ts";

const HANDSHAKE_READ_BYTES = 16 * 1024;

/** The part of a taken-over connection that the replication stream needs. */
export type RawConnection = Pick<Link, "read" | "write" | "close">;

/** Connects. A host that begins with a slash is the directory of a Unix socket. */
export async function openLink({ host, port }: PostgresServer): Promise<PlainLink> {
  if (host.startsWith("/")) {
    return new PlainLink(await Deno.connect({ transport: "unix", path: `${host}/.s.PGSQL.${port}` }));
  }
  const connection = await Deno.connect({ hostname: host, port });
  connection.setNoDelay(true);
  return new PlainLink(connection);
}

/**
 * The stream that the `pg` client uses instead of its own socket, over an open link.
 *
 * `pg` handles authentication and the queries before START_REPLICATION; then `takeOver` hands the link to a
 * reader that reuses one buffer. A Node socket allocates a new 64 kB buffer for each read: a million rows
 * took 95 MB that way, and 45 MB this way.
 *
 * Until then, it emits `heard` whenever bytes are received.
 */
export class PostgresSocket extends Duplex {
  readonly #link: Link;
  readonly #guard: FrameGuard;
  #pendingRead: Promise<number | null> | undefined;
  readonly #handshakeBuffer = new Uint8Array(HANDSHAKE_READ_BYTES);
  #takenOver = false;

  /** @param guard checks the bytes received, until the link is taken over */
  constructor(link: Link, guard: FrameGuard) {
    super({ allowHalfOpen: false });
    this.#link = link;
    this.#guard = guard;
  }

  /** Called by `pg`, which then waits for the event. */
  connect(): this {
    queueMicrotask(() => this.emit("connect"));
    return this;
  }

  /** Called by `pg` for channel binding. */
  getPeerCertificate(): { readonly raw: Buffer | undefined } {
    return { raw: this.#link.tls === null ? undefined : Buffer.from(this.#link.tls.certificate) };
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** Afterwards, only the methods of `RawConnection` may be used. */
  takeOver(): RawConnection {
    this.#takenOver = true;
    this.removeAllListeners("data");
    return {
      read: (target) => this.#rawRead(target),
      write: (bytes) => this.#link.write(bytes),
      close: () => this.destroy(),
    };
  }

  /** `pg` parses messages in its `data` listener and throws there if it can't. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event !== "data") return super.emit(event, ...args);
    try {
      return super.emit(event, ...args);
    } catch (error) {
      this.destroy(unreadable(error));
      return true;
    }
  }

  override _read(): void {
    if (this.#takenOver || this.#pendingRead !== undefined) return;
    this.#pendingRead = this.#link.read(this.#handshakeBuffer);
    this.#pendingRead.then((count) => {
      if (this.#takenOver) return;
      this.#pendingRead = undefined;
      this.emit("heard");
      const bytes = count === null ? null : Buffer.from(this.#handshakeBuffer.subarray(0, count));
      if (bytes !== null) this.#guard.pass(bytes);
      this.push(bytes);
    }).catch((error) => this.destroy(error));
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#link.write(chunk).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#link.close();
    done(error);
  }

  /** A read that the Node side had started before the takeover comes first. */
  async #rawRead(target: Uint8Array): Promise<number | null> {
    const pending = this.#pendingRead;
    if (pending === undefined) return await this.#link.read(target);
    const count = await pending;
    this.#pendingRead = undefined;
    if (count !== null) target.set(this.#handshakeBuffer.subarray(0, count));
    return count;
  }
}

function unreadable(error: unknown): CaptureError {
  return malformed(`what its client can't read (${error instanceof Error ? error.message : String(error)})`);
}
