// A server that says what a test has it say, in place of PostgreSQL.

import { delay } from "../../dev/servers/server_process.ts";

/** One connection, as the fake server sees it. */
export interface FakeSession {
  /** The next bytes that the client sends, however many come at once; empty at the end. */
  read(): Promise<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
}

/** A server on a port of its own. Disposing of it ends it and its connections. */
export interface FakePostgres extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly connections: number;
}

/** @param talk what to do on each connection; it's closed afterwards */
export function startFakePostgres(talk: (session: FakeSession) => Promise<void>): FakePostgres {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  let connections = 0;
  const serve = async (connection: Deno.Conn) => {
    const buffer = new Uint8Array(65536);
    try {
      await talk({
        read: async () => buffer.slice(0, await connection.read(buffer) ?? 0),
        write: async (bytes) => {
          for (let written = 0; written < bytes.length;) {
            written += await connection.write(bytes.subarray(written));
          }
        },
      });
    } catch {
      // The client has gone.
    } finally {
      open.delete(connection);
      try {
        connection.close();
      } catch {
        // Closed already.
      }
    }
  };
  const accepting = (async () => {
    for await (const connection of listener) {
      connections++;
      open.add(connection);
      serve(connection);
    }
  })();
  return {
    port: listener.addr.port,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) connection.close();
      await accepting.catch(() => {});
      await delay(5);
    },
  };
}

const encoder = new TextEncoder();

/** A backend message. */
export function message(type: string, ...body: readonly (Uint8Array | string)[]): Uint8Array {
  const parts = body.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  const bytes = new Uint8Array(length + 1);
  bytes[0] = type.charCodeAt(0);
  new DataView(bytes.buffer).setUint32(1, length);
  let at = 5;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export const int16 = (value: number) => new Uint8Array([value >> 8, value]);
export const int32 = (value: number) => new Uint8Array([value >> 24, value >> 16, value >> 8, value]);

/** What follows a login: AuthenticationOk, a setting, the key, ReadyForQuery. */
export const LOGGED_IN = concat(
  message("R", int32(0)),
  message("S", "server_version\0", "17.0\0"),
  message("K", int32(1), int32(2)),
  message("Z", "I"),
);

/** A result of text columns, and ReadyForQuery. */
export function result(columns: readonly string[], row: readonly string[]): Uint8Array {
  const fields = columns.flatMap((name) => [
    `${name}\0`,
    int32(0),
    int16(0),
    int32(25),
    int16(-1),
    int32(-1),
    int16(0),
  ]);
  const values = row.flatMap((value) => [int32(encoder.encode(value).length), value]);
  return concat(
    message("T", int16(columns.length), ...fields),
    message("D", int16(row.length), ...values),
    message("C", "SELECT 1\0"),
    message("Z", "I"),
  );
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
