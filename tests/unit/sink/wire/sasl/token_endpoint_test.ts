// Tokens from an endpoint: one request for all who ask, a new token before the old one ends, and no secret in an error.

import { strict as assert } from "node:assert";
import { createAuthority } from "../../../../../dev/servers/certificates.ts";
import { freePort } from "../../../../../dev/servers/ports.ts";
import { CaptureError, type ErrorKind } from "../../../../../src/core/errors.ts";
import { type TokenEndpoint, TokenSource } from "../../../../../src/sink/wire/sasl/token_endpoint.ts";
import { LoginServer } from "../../../../support/login_server.ts";

const FOREVER = new AbortController().signal;

Deno.test("a token is used for four fifths of its life, and asked for once by however many", async () => {
  await using server = await LoginServer.start();
  server.answer = () => ({ lifeSecs: 100 });
  let nowMs = 0;
  const source = new TokenSource(endpoint(server), () => nowMs);
  const first = await Promise.all([source.token(FOREVER), source.token(FOREVER)]);
  assert.equal(first[0], first[1]);
  nowMs = 79_999;
  assert.equal(await source.token(FOREVER), first[0]);
  nowMs = 80_000;
  const second = await source.token(FOREVER);
  assert.notEqual(second, first[0]);
  assert.equal(server.requests.length, 2);
  // A session that is about to end wants another, unless that one has just come.
  nowMs = 89_999;
  assert.equal(await source.token(FOREVER, true), second);
  nowMs = 90_000;
  assert.equal(await source.token(FOREVER), second);
  assert.notEqual(await source.token(FOREVER, true), second);
});

Deno.test("the client's id, secret and scope reach the endpoint as they are, and the secret of now", async () => {
  await using server = await LoginServer.start();
  server.answer = () => ({ lifeSecs: 0 });
  let secret = "a:b c%\u00fc";
  const source = new TokenSource({ ...endpoint(server), scope: "x y", clientSecret: () => secret }, () => 0);
  await source.token(FOREVER);
  secret = "another";
  await source.token(FOREVER);
  assert.deepEqual(server.requests, [
    { clientId: "the client", clientSecret: "a:b c%\u00fc", grant: "client_credentials", scope: "x y" },
    { clientId: "the client", clientSecret: "another", grant: "client_credentials", scope: "x y" },
  ]);
});

Deno.test("an endpoint that says no ends it, one in trouble is awaited; told are endpoint, status and code", async () => {
  await using server = await LoginServer.start();
  const token = '{"access_token":"hidden"}';
  const cases: readonly (readonly [number, string, ErrorKind, RegExp])[] = [
    [
      400,
      '{"error":"invalid_scope","error_description":"hidden"}',
      "kafka-refused",
      /HTTP status 400, invalid_scope$/,
    ],
    [401, '{"error":"invalid_client"}', "kafka-refused", /HTTP status 401, invalid_client$/],
    [403, token, "kafka-refused", /HTTP status 403$/],
    [401, '{"error":"hidden secret"}', "kafka-refused", /HTTP status 401$/],
    [404, "hidden", "kafka-refused", /HTTP status 404$/],
    [302, token, "kafka-refused", /HTTP status 302$/],
    [200, "hidden", "kafka-refused", /without an access_token$/],
    [200, '{"access_token":"hidden\\u0001,auth=x"}', "kafka-refused", /without an access_token$/],
    [200, '{"access_token":7}', "kafka-refused", /without an access_token$/],
    [429, "hidden", "kafka-unavailable", /HTTP status 429$/],
    [500, token, "kafka-unavailable", /HTTP status 500$/],
    [200, "hidden ".repeat(20_000), "kafka-unavailable", /longer than 65536 bytes/],
  ];
  for (const [status, body, kind, message] of cases) {
    server.answer = () => ({ status, body, ...(status === 302 ? { location: server.tokenUrl() } : {}) });
    server.requests.length = 0;
    const error = await failureOf(endpoint(server));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    assert(
      error.message.startsWith(`Cannot get a token for Kafka from ${server.tokenUrl()}: `),
      error.message,
    );
    assert.doesNotMatch(`${error.message}${error.fix}${error.stack}`, /hidden|the secret/);
    assert.equal(server.requests.length, 1, "a redirect is not followed");
  }
});

Deno.test("an endpoint that can't be reached is awaited", async () => {
  const error = await failureOf(endpoint({ tokenUrl: () => `http://127.0.0.1:${freePort()}/token` }));
  assert.equal(error.kind, "kafka-unavailable");
  assert.match(
    error.message,
    /^Cannot get a token for Kafka from http:\/\/127\.0\.0\.1:\d+\/token: .*refused/,
  );
});

Deno.test("a wait for an endpoint that says nothing ends with its signal; another's goes on", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${silent.addr.port}/token`;
  const source = new TokenSource(endpoint({ tokenUrl: () => url }), () => 0);
  const abort = new AbortController();
  const [given, other] = [source.token(abort.signal), source.token(FOREVER)];
  const connection = await silent.accept();
  abort.abort("enough");
  await assert.rejects(given, (reason) => reason === "enough");
  connection.close();
  silent.close();
  await assert.rejects(other, (error) => error instanceof CaptureError && error.kind === "kafka-unavailable");
});

Deno.test("an unencrypted endpoint is on this machine, and no proxy gets to see the secret", async () => {
  await using server = await LoginServer.start();
  await using proxy = await LoginServer.start();
  Deno.env.set("HTTP_PROXY", proxy.tokenUrl());
  try {
    assert.match(await new TokenSource(endpoint(server), () => 0).token(FOREVER), /^eyJ/);
    assert.deepEqual([server.requests.length, proxy.requests.length], [1, 0]);
  } finally {
    Deno.env.delete("HTTP_PROXY");
  }
});

Deno.test("an endpoint's certificate is checked against the authority that is given", async () => {
  const authority = createAuthority("login authority");
  await using server = await LoginServer.start(authority.issue({ name: "login", hosts: ["127.0.0.1"] }));
  const url = server.tokenUrl("https");
  const source = new TokenSource({ ...endpoint(server), url, ca: () => authority.cert }, () => 0);
  assert.match(await source.token(FOREVER), /^eyJ/);
  for (const ca of [undefined, () => createAuthority("another").cert]) {
    const error = await failureOf({ ...endpoint(server), url, ca });
    assert.equal(error.kind, "kafka-refused", error.message);
    assert.match(error.message, /its certificate was rejected/);
    assert.match(error.fix ?? "", /KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA/);
  }
});

function endpoint(server: Pick<LoginServer, "tokenUrl">): TokenEndpoint {
  return { url: server.tokenUrl(), clientId: "the client", clientSecret: () => "the secret" };
}

async function failureOf(endpoint: TokenEndpoint): Promise<CaptureError> {
  try {
    await new TokenSource(endpoint, () => 0).token(FOREVER);
  } catch (error) {
    assert(error instanceof CaptureError, String(error));
    return error;
  }
  return assert.fail("there was a token");
}
