// The bytes of one connection to PostgreSQL, encrypted or not.

/** The connection that the client's stream and the replication stream read from and write to. */
export interface Link {
  /** Reads into `target`. @returns the number of bytes, or null at the end */
  read(target: Uint8Array): Promise<number | null>;
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array): Promise<void>;
  /** Does not throw. */
  close(): void;
  /** Details of the encryption; null if there is none. */
  readonly tls: TlsFacts | null;
}

/** The result of a TLS handshake. */
export interface TlsFacts {
  /** `TLSv1.3` */
  readonly protocol: string;
  /** Undefined if the runtime does not report it. */
  readonly cipher: string | undefined;
  /**
   * What was verified about the server's certificate: nothing, its issuer, or its issuer and the host name.
   */
  readonly verified: "nothing" | "ca" | "full";
  /** The server's certificate (DER), for channel binding (RFC 5929, tls-server-end-point). */
  readonly certificate: Uint8Array;
}

/** An unencrypted connection over TCP or a Unix socket. */
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
      // The peer has already closed it.
    }
  }
}
