// A TCP or Unix socket to PostgreSQL that speaks as a Node stream until the replication stream takes it over.

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

const HANDSHAKE_READ_BYTES = 16 * 1024;

/** The half of a taken-over connection that the replication stream needs. */
export interface RawConnection {
  /** Reads into `target`. @returns the number of bytes, or null at the end */
  read(target: Uint8Array): Promise<number | null>;
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

/**
 * The stream that the `pg` client is given instead of its own socket.
 *
 * `pg` does the handshake, the authentication and the queries before START_REPLICATION; then `takeOver` hands
 * the connection to a reader that fills one buffer again and again. A Node socket makes a new 64 kB buffer each
 * read: the same million rows took 95 MB that way, and 45 MB this way.
 *
 * Until then it emits `heard` whenever something came.
 */
export class PostgresSocket extends Duplex {
  #connection: Deno.Conn | undefined;
  #pendingRead: Promise<number | null> | undefined;
  readonly #handshakeBuffer = new Uint8Array(HANDSHAKE_READ_BYTES);
  #takenOver = false;

  constructor() {
    super({ allowHalfOpen: false });
  }

  /** Called by `pg`: with a port and a host, or with the path of a Unix socket, where the host is its folder. */
  connect(portOrPath: number | string, host?: string): this {
    open(portOrPath, host).then(
      (connection) => {
        if (this.destroyed) return connection.close();
        this.#connection = connection;
        this.emit("connect");
        // Node asked for data before there was a connection, and asks only once.
        this._read();
      },
      (error) => this.destroy(error),
    );
    return this;
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
      write: (bytes) => this.#rawWrite(bytes),
      close: () => this.destroy(),
    };
  }

  override _read(): void {
    if (this.#takenOver || this.#pendingRead !== undefined || this.#connection === undefined) return;
    this.#pendingRead = this.#connection.read(this.#handshakeBuffer);
    this.#pendingRead.then(
      (count) => {
        if (this.#takenOver) return;
        this.#pendingRead = undefined;
        this.emit("heard");
        this.push(count === null ? null : Buffer.from(this.#handshakeBuffer.subarray(0, count)));
      },
      (error) => this.destroy(error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#rawWrite(chunk).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    try {
      this.#connection?.close();
    } catch {
      // Closed by the peer already.
    }
    done(error);
  }

  /** The read that the Node side had begun when it was taken over comes first. */
  async #rawRead(target: Uint8Array): Promise<number | null> {
    const pending = this.#pendingRead;
    if (pending === undefined) return await this.#open().read(target);
    const count = await pending;
    this.#pendingRead = undefined;
    if (count !== null) target.set(this.#handshakeBuffer.subarray(0, count));
    return count;
  }

  async #rawWrite(bytes: Uint8Array): Promise<void> {
    const connection = this.#open();
    for (let written = 0; written < bytes.length;) written += await connection.write(bytes.subarray(written));
  }

  #open(): Deno.Conn {
    if (this.#connection === undefined) throw new Error("the connection is not open");
    return this.#connection;
  }
}

async function open(portOrPath: number | string, host: string | undefined): Promise<Deno.Conn> {
  if (typeof portOrPath === "string") return await Deno.connect({ transport: "unix", path: portOrPath });
  const connection = await Deno.connect({
    port: portOrPath,
    ...(host === undefined ? {} : { hostname: host }),
  });
  connection.setNoDelay(true);
  return connection;
}
