// A connection whose answers are read as bytes, when something goes wrong.

import { rejects, strictEqual } from "node:assert";
import { utf8 } from "../../../../src/core/utf8.ts";
import { BlockPool } from "../../../../src/source/snapshot/block_pool.ts";
import { RowConnection } from "../../../../src/source/snapshot/row_connection.ts";

const SIGNAL = new AbortController().signal;

function connection(...answers: readonly (Uint8Array | null | "never")[]) {
  const waiting = [...answers];
  const state = { closed: 0 };
  const raw = {
    read: (target: Uint8Array) => {
      const next = waiting.shift();
      if (next === "never") return new Promise<null>(() => {});
      if (next === null || next === undefined) return Promise.resolve(null);
      target.set(next);
      return Promise.resolve(next.length);
    },
    write: () => Promise.resolve(),
    close: () => void state.closed++,
  };
  return { rows: new RowConnection(raw, new BlockPool(), 1_000_000), state };
}

function message(type: string, body: Uint8Array, length = body.length + 4): Uint8Array {
  const bytes = new Uint8Array(5 + body.length);
  bytes.set(utf8(type));
  new DataView(bytes.buffer).setUint32(1, length);
  bytes.set(body, 5);
  return bytes;
}

Deno.test("a connection that ends in the middle of an answer is lost, with what the server said last", async () => {
  const { rows } = connection(message("E", utf8("SFATAL\0C57P01\0Mterminating connection\0\0")), null);
  await rows.send("SELECT");
  await rejects(rows.rows(SIGNAL), /Lost the connection that reads tables: terminating connection/);
});

Deno.test("a length that no message has is an error, not a wait", async () => {
  for (const length of [0, 3, 0x7fff_ffff]) {
    const { rows } = connection(message("D", new Uint8Array(0), length), "never");
    await rows.send("SELECT");
    await rejects(rows.rows(SIGNAL), /a message of -?\d+ bytes/);
  }
});

Deno.test("what is no row has a bound", async () => {
  const { rows } = connection(message("N", new Uint8Array(0), 2_000_000), "never");
  await rows.send("SELECT");
  await rejects(rows.rows(SIGNAL), /a message of 1999996 bytes/);
});

Deno.test("who gives up waiting gets the reason, and the connection is closed", async () => {
  const { rows, state } = connection("never");
  await rows.send("SELECT");
  const over = new AbortController();
  const waiting = rows.rows(over.signal);
  over.abort(new Error("asked to stop"));
  await rejects(waiting, /asked to stop/);
  strictEqual(state.closed, 1);
});

Deno.test("the next query is not sent before the last one has ended", async () => {
  const { rows } = connection("never");
  await rows.send("SELECT");
  await rejects(rows.send("SELECT"), /the query before has not ended/);
});
