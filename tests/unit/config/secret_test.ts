// A secret shows itself only to those who ask.

import { strict as assert } from "node:assert";
import { format, inspect } from "node:util";
import { Secret } from "../../../src/config/secret.ts";

Deno.test("a secret shows as [secret] wherever it is printed, and itself only to reveal()", () => {
  const secret = new Secret("hunter2", "/run/secrets/pg");
  const printed = [
    String(secret),
    `${secret}`,
    "" + secret,
    JSON.stringify({ secret }),
    inspect({ secret }),
    Deno.inspect({ secret }, { showHidden: true, depth: 9 }),
    format("%s %o %j", secret, secret, secret),
    String(new Error("x", { cause: secret }).cause),
    JSON.stringify(Object.entries(secret)),
  ];
  for (const text of printed) assert.doesNotMatch(text, /hunter2/);
  assert.equal(JSON.stringify({ secret }), '{"secret":"[secret]"}');
  assert.equal(secret.reveal(), "hunter2");
});

Deno.test("a secret from a file can be read again; while the file can't be, the last value stays", () => {
  const secret = new Secret("old", "/s");
  assert.equal(secret.refresh((path) => path === "/s" ? "new\n" : undefined), "new");
  assert.equal(secret.reveal(), "new");
  assert.equal(secret.refresh(() => undefined), "new");
  assert.equal(secret.refresh(() => "\n"), "new");
  assert.equal(
    secret.refresh(() => {
      throw new Error("gone");
    }),
    "new",
  );
});

Deno.test("a secret that has no file never reads one", () => {
  assert.equal(new Secret("own").refresh(() => "other"), "own");
});
