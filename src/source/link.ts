// The bytes of one connection to PostgreSQL, encrypted or not.

/** What the client's stream and the replication stream read from and write to. */
export interface Link {
  /** Reads into `target`. @returns the number of bytes, or null at the end */
  read(target: Uint8Array): Promise<number | null>;
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array): Promise<void>;
  /** Does not throw. */
  close(): void;
  /** How it is encrypted; null: it is not. */
  readonly tls: TlsFacts | null;
}

/** What a TLS handshake has agreed on. */
export interface TlsFacts {
  /** `TLSv1.3` */
  readonly protocol: string;
  /** Undefined where the runtime does not say. */
  readonly cipher: string | undefined;
  /** What of the server's certificate was checked: nothing, who signed it, or that and the host's name. */
  readonly verified: "nothing" | "ca" | "full";
  /** The server's certificate (DER), for channel binding (RFC 5929, tls-server-end-point). */
  readonly certificate: Uint8Array;
}

/** Over TCP or a Unix socket, as it is. */
export class PlainLink implements Link {
  readonly tls = null;
  readonly #connection: Deno.Conn;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  read(target: Uint8Array): Promise<number | null> {
    return this.#connection.read(target);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.#connection.write(bytes.subarray(written));
    }
  }

  close(): void {
    try {
      this.#connection.close();
    } catch {
      // Closed by the peer already.
    }
  }
}
