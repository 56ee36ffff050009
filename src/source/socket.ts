// Wraps the network: opens links, and lets `pg` speak over one until the replication stream takes it over.

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { CaptureError } from "../core/errors.ts";
import { type FrameGuard, malformed } from "./frame_guard.ts";
import { type Link, PlainLink } from "./link.ts";
import type { PostgresServer } from "./options.ts";

const HANDSHAKE_READ_BYTES = 16 * 1024;

/** The half of a taken-over connection that the replication stream needs. */
export type RawConnection = Pick<Link, "read" | "write" | "close">;

/** Connects; a host that begins with a slash is the folder of a Unix socket. */
export async function openLink({ host, port }: PostgresServer): Promise<PlainLink> {
  if (host.startsWith("/")) {
    return new PlainLink(await Deno.connect({ transport: "unix", path: `${host}/.s.PGSQL.${port}` }));
  }
  const connection = await Deno.connect({ hostname: host, port });
  connection.setNoDelay(true);
  return new PlainLink(connection);
}

/**
 * The stream that the `pg` client is given instead of its own socket, over a link that is open.
 *
 * `pg` does the authentication and the queries before START_REPLICATION; then `takeOver` hands the link to a reader
 * that fills one buffer again and again. A Node socket allocates a new 64 kB buffer for each read: the same million rows took
 * 95 MB that way, and 45 MB this way.
 *
 * Until then it emits `heard` whenever something came.
 */
export class PostgresSocket extends Duplex {
  readonly #link: Link;
  readonly #guard: FrameGuard;
  #pendingRead: Promise<number | null> | undefined;
  readonly #handshakeBuffer = new Uint8Array(HANDSHAKE_READ_BYTES);
  #takenOver = false;

  /** @param guard watches what comes, until the link is taken over */
  constructor(link: Link, guard: FrameGuard) {
    super({ allowHalfOpen: false });
    this.#link = link;
    this.#guard = guard;
  }

  /** Called by `pg`, which waits for the event. */
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

  /** From here on only the methods of `RawConnection` may be used. */
  takeOver(): RawConnection {
    this.#takenOver = true;
    this.removeAllListeners("data");
    return {
      read: (target) => this.#rawRead(target),
      write: (bytes) => this.#link.write(bytes),
      close: () => this.destroy(),
    };
  }

  /** `pg` reads messages where it listens for data, and throws there what it can't read. */
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

  /** The read that the Node side had begun when it was taken over comes first. */
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
