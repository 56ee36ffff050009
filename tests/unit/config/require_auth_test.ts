// PG_REQUIRE_AUTH: lists that libpq takes, and those that it refuses.

import { deepStrictEqual, match, ok } from "node:assert";
import { requiredAuth } from "../../../src/config/require_auth.ts";

const parse = (text: string) => requiredAuth().parse(text, {});

Deno.test("a list names what is accepted, a negated one what is not", () => {
  deepStrictEqual(parse("SCRAM-SHA-256, none"), {
    kind: "value",
    value: { accepted: ["scram-sha-256", "none"], asksForPassword: false, text: "SCRAM-SHA-256, none" },
  });
  deepStrictEqual(parse("!password,!md5"), {
    kind: "value",
    value: {
      accepted: ["gss", "sspi", "scram-sha-256", "oauth", "none"],
      asksForPassword: false,
      text: "!password,!md5",
    },
  });
  const password = parse("password,gss");
  ok(password.kind === "value" && password.value.asksForPassword);
});

Deno.test("what libpq refuses is refused, and what pg-capture can't do", () => {
  const refused: Readonly<Record<string, RegExp>> = {
    "password,!md5": /with and without ! stand together/,
    "md5,md5": /md5 stands there twice/,
    "!none,!md5,!none": /none stands there twice/,
    "none,abcdefg": /"abcdefg" is not a way to log in/,
    "!!md5": /"!!md5" is not a way to log in/,
    "gss,sspi": /no way to log in by gss or sspi/,
  };
  for (const [text, line] of Object.entries(refused)) {
    const parsed = parse(text);
    ok(parsed.kind === "invalid", text);
    match(parsed.problem, line);
  }
});
