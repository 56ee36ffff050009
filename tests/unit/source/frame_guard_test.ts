// The guard lets pass what PostgreSQL sends, in any pieces, and nothing that its client would choke on.

import { strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { Authentication } from "../../../src/source/authentication.ts";
import { FrameGuard } from "../../../src/source/frame_guard.ts";
import { concat, int32, LOGGED_IN, message, result } from "../../support/fake_postgres.ts";

const ERROR = message("E", "SERROR\0", "C42P01\0", "Mthere is none\0", "\0");
const GOOD = concat(
  LOGGED_IN,
  result(["a", "b"], ["1", "two"]),
  message("N", "\0"),
  ERROR,
  message("Z", "I"),
);

Deno.test("what PostgreSQL sends passes, in whatever pieces it comes", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
    const guard = new FrameGuard(authentication());
    for (let at = 0, piece = 0; at < GOOD.length; piece++) {
      const size = sizes[piece % sizes.length]!;
      guard.pass(GOOD.subarray(at, at + size));
      at += size;
    }
  }));
});

Deno.test("what no backend sends is refused at its first bytes", () => {
  for (const type of ["\0", "q", "~", "H".repeat(5), "ÿ"]) {
    const bytes = type.length === 1 ? message(type, "") : new TextEncoder().encode(type);
    if (type === "H".repeat(5)) guardAfterLogin().pass(bytes.subarray(0, 4));
    else throws(() => guardAfterLogin().pass(bytes), /which the protocol does not have/);
  }
  throws(() => guardAfterLogin().pass(concat(new TextEncoder().encode("R"), int32(3))), /3 bytes/);
});

Deno.test("before the login is over nothing but requests and errors may come, and no request is long", () => {
  for (
    const bytes of [message("Z", "I"), message("N", "\0"), message("S", "a\0", "b\0"), result(["a"], ["b"])]
  ) {
    throws(() => new FrameGuard(authentication()).pass(bytes), /before the login was over/);
    guardAfterLogin().pass(bytes);
  }
  new FrameGuard(authentication()).pass(ERROR);
  const long = message("R", int32(11), "r=".padEnd(3000, "x"));
  throws(
    () => new FrameGuard(authentication()).pass(long.subarray(0, 5)),
    /a request to log in of 3004 bytes/,
  );
});

Deno.test("a request is judged whole, before any of its last byte is passed on", () => {
  const guard = new FrameGuard(authentication());
  const bytes = message("R", int32(3));
  for (let at = 0; at < bytes.length - 1; at++) guard.pass(bytes.subarray(at, at + 1));
  throws(() => guard.pass(bytes.subarray(-1)), /password in cleartext/);
});

Deno.test("an error that has no end, or something behind it, is refused: pg would read on for ever", () => {
  for (const body of ["", "S", "SERROR", "SERROR\0", "SERROR\0Mx\0", "\0x", "SERROR\0\0\0"]) {
    for (const type of ["E", "N"]) {
      throws(
        () => guardAfterLogin().pass(message(type, body)),
        /an error without an end|behind the end/,
        body,
      );
    }
  }
});

Deno.test("an answer is bounded, a session is not", () => {
  const row = message("D", new Uint8Array(1_000_000));
  const guard = guardAfterLogin();
  for (let answer = 0; answer < 5; answer++) {
    for (let rows = 0; rows < 60; rows++) guard.pass(row);
    guard.pass(message("Z", "I"));
  }
  let rows = 0;
  throws(() => {
    for (;; rows++) guard.pass(row);
  }, /an answer without an end/);
  strictEqual(rows, 67);
  throws(
    () => guardAfterLogin().pass(concat(new TextEncoder().encode("D"), int32(0x3fffffff))),
    /without an end/,
  );
});

function authentication(): Authentication {
  return new Authentication("h:1", { requireAuth: undefined, channelBinding: "prefer" }, null);
}

function guardAfterLogin(): FrameGuard {
  const over = authentication();
  over.request(int32(0));
  return new FrameGuard(over);
}
