// Which requests of a server are answered: the protocol's order, libpq's require_auth and channel_binding, and no password
// in cleartext to somebody unknown.

import { match, ok, strictEqual } from "node:assert";
import { requiredAuth } from "../../../src/config/require_auth.ts";
import { CaptureError } from "../../../src/core/errors.ts";
import { Authentication } from "../../../src/source/authentication.ts";
import type { TlsFacts } from "../../../src/source/link.ts";
import type { LoginRules } from "../../../src/source/options.ts";
import { concat, int32 } from "../../support/fake_postgres.ts";

const TEXT = new TextEncoder();
const OK = int32(0);
const CLEARTEXT = int32(3);
const MD5 = concat(int32(5), new Uint8Array(4));
const FINAL = concat(int32(12), TEXT.encode("v=AAAA"));
const sasl = (...mechanisms: string[]) => concat(int32(10), TEXT.encode(`${mechanisms.join("\0")}\0\0`));
const iterations = (count: string) => concat(int32(11), TEXT.encode(`r=abc,s=c2FsdA==${count}`));
const SCRAM = [sasl("SCRAM-SHA-256"), iterations(",i=4096"), FINAL, OK];
const BOUND = [sasl("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"), iterations(",i=4096"), FINAL, OK];

const NO_TLS = null;
const UNVERIFIED = tls("nothing");
const VERIFIED = tls("ca");

/** What becomes of a login: `in`, or what is refused. */
function outcome(
  requests: readonly Uint8Array[],
  { auth, binding = "prefer", over = NO_TLS }: {
    readonly auth?: string;
    readonly binding?: LoginRules["channelBinding"];
    readonly over?: TlsFacts | null;
  } = {},
): string {
  const parsed = auth === undefined ? undefined : requiredAuth().parse(auth, {});
  ok(parsed?.kind !== "invalid");
  const login = new Authentication("h:1", { requireAuth: parsed?.value, channelBinding: binding }, over);
  try {
    for (const request of requests) login.request(request);
  } catch (error) {
    ok(
      error instanceof CaptureError && error.kind === "postgres-refused" && error.fix !== undefined,
      `${error}`,
    );
    return error.message.replace("Cannot log in to PostgreSQL at h:1: ", "");
  }
  return login.isOver ? "in" : "unfinished";
}

Deno.test("each way to log in is taken by default, a password in cleartext over verified TLS only", () => {
  for (const requests of [[OK], [MD5, OK], SCRAM, BOUND]) strictEqual(outcome(requests), "in");
  match(outcome([CLEARTEXT]), /password in cleartext, and the connection is not encrypted/);
  match(outcome([CLEARTEXT], { over: UNVERIFIED }), /in cleartext, and its certificate was not verified/);
  strictEqual(outcome([CLEARTEXT, OK], { over: VERIFIED }), "in");
  strictEqual(outcome([CLEARTEXT, OK], { over: tls("full") }), "in");
});

Deno.test("a password in cleartext goes elsewhere where it is asked for by name, and only then", () => {
  for (const over of [NO_TLS, UNVERIFIED]) {
    strictEqual(outcome([CLEARTEXT, OK], { auth: "password", over }), "in");
    strictEqual(outcome([CLEARTEXT, OK], { auth: "scram-sha-256,password", over }), "in");
    match(outcome([CLEARTEXT], { auth: "!md5", over }), /password in cleartext, and/);
  }
});

Deno.test("PG_REQUIRE_AUTH has libpq's meaning (src/test/authentication/t/001_password.pl)", () => {
  const all = { none: [OK], password: [CLEARTEXT, OK], md5: [MD5, OK], "scram-sha-256": SCRAM };
  const taken: Readonly<Record<string, readonly string[]>> = {
    "password": ["password"],
    "md5": ["md5"],
    "scram-sha-256": ["scram-sha-256"],
    "none": ["none"],
    "none, md5": ["none", "md5"],
    "scram-sha-256,password,md5": ["password", "md5", "scram-sha-256"],
    "!none": ["password", "md5", "scram-sha-256"],
    "!password": ["none", "md5", "scram-sha-256"],
    "!scram-sha-256,!md5": ["none", "password"],
    "!password,!md5,!none": ["scram-sha-256"],
  };
  for (const [auth, methods] of Object.entries(taken)) {
    for (const [method, requests] of Object.entries(all)) {
      const found = outcome(requests, { auth, over: VERIFIED });
      if (methods.includes(method)) strictEqual(found, "in", `${auth}: ${method}`);
      else match(found, /which is not what is required/, `${auth}: ${method}`);
    }
  }
});

Deno.test("a login by SCRAM is over when the server's signature has come, not before", () => {
  for (const count of [1, 2]) {
    match(outcome([...SCRAM.slice(0, count), OK]), /without proving that it knows the password/);
  }
  strictEqual(outcome(SCRAM.slice(0, 3)), "unfinished");
  for (const requests of [[FINAL], [iterations(",i=4096")], [SCRAM[0]!, FINAL], [SCRAM[0]!, SCRAM[0]!]]) {
    match(outcome(requests), /do not follow one another/);
  }
  for (
    const requests of [[OK, OK], [OK, CLEARTEXT], [MD5, CLEARTEXT], [SCRAM[0]!, MD5], [...SCRAM, ...SCRAM]]
  ) {
    match(outcome(requests), /do not follow one another/);
  }
  match(outcome([new Uint8Array(3)]), /do not follow one another/);
});

Deno.test("SCRAM takes from 4,096 to 10,000,000 iterations (RFC 7677, 4)", () => {
  for (
    const [count, line] of [[",i=4095", /4095 iterations/], [",i=1", /1 iterations/], [
      ",i=10000001",
      /above/,
    ]] as const
  ) {
    match(outcome([SCRAM[0]!, iterations(count)]), line);
  }
  match(outcome([SCRAM[0]!, iterations("")]), /do not follow/);
  match(outcome([SCRAM[0]!, iterations(",i=-1")]), /do not follow/);
  for (const count of ["4096", "10000000"]) {
    strictEqual(outcome([SCRAM[0]!, iterations(`,i=${count}`), FINAL, OK]), "in");
  }
});

Deno.test("with PG_CHANNEL_BINDING=require nothing but SCRAM that is bound to TLS is taken", () => {
  const binding = "require";
  strictEqual(outcome(BOUND, { binding, over: UNVERIFIED }), "in");
  match(outcome(BOUND, { binding, over: NO_TLS }), /channel binding is required/);
  for (const requests of [SCRAM, [OK], [MD5], [CLEARTEXT]]) {
    match(
      outcome(requests, { binding, over: VERIFIED }),
      /channel binding is required, and the server asks for/,
    );
  }
});

Deno.test("ways to log in that there are none for are named", () => {
  for (const request of [int32(2), int32(7), int32(9), sasl("OAUTHBEARER"), sasl()]) {
    match(outcome([request]), /a way to log in that pg-capture does not have/);
  }
});

function tls(verified: TlsFacts["verified"]): TlsFacts {
  return { protocol: "TLSv1.3", cipher: undefined, verified, certificate: new Uint8Array() };
}
