// SCRAM's client side: the examples of the RFCs, and servers that do not do their part.

import { strict as assert } from "node:assert";
import { CaptureError } from "../../../../../src/core/errors.ts";
import { scram, type ScramHash } from "../../../../../src/sink/wire/sasl/scram.ts";

const utf8 = new TextEncoder();
const refused = (found: string) => new CaptureError("kafka-refused", found);

/** RFC 7677, section 3. */
const EXAMPLE = {
  username: "user",
  password: "pencil",
  clientNonce: "rOprNGfwEbeRWgbNEkqO",
  clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  clientFinal:
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

Deno.test("the example of RFC 7677 comes out byte for byte, and the server's proof is checked", async () => {
  const said = await converse("SHA-256", [EXAMPLE.serverFirst, EXAMPLE.serverFinal]);
  assert.deepEqual(said, [EXAMPLE.clientFirst, EXAMPLE.clientFinal]);
});

Deno.test("a comma and an equals sign in a name are written as RFC 5802 has it", async () => {
  const client = scram("SHA-512", "a=b,c", "x", refused, "nonce");
  assert.equal(new TextDecoder().decode((await client.next()).value as Uint8Array), "n,,n=a=3Db=2Cc,r=nonce");
});

Deno.test("a server that can't prove that it knows the password is refused", async () => {
  for (
    const serverFinal of [
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl96G4=",
      "v=",
      "v=====",
      "",
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==",
    ]
  ) {
    await assert.rejects(
      converse("SHA-256", [EXAMPLE.serverFirst, serverFinal]),
      /has not proved that it knows the password/,
    );
  }
  await assert.rejects(
    converse("SHA-256", [EXAMPLE.serverFirst, "e=invalid-proof"]),
    /answered "invalid-proof"/,
  );
});

Deno.test("a challenge for another login, or an invalid one, is rejected before a proof is sent", async () => {
  const nonce = `r=${EXAMPLE.clientNonce}`;
  const cases: readonly (readonly [string, RegExp])[] = [
    ["r=somebody-elses-nonce,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", /does not answer this login/],
    [`${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`, /does not answer this login/], // nothing of the server's own
    [`m=unknown,${nonce}x,s=W22Z,i=4096`, /not a SCRAM message/],
    [`${nonce}x,s=W22Z`, /not a SCRAM message/],
    [`${nonce}x,s=W,i=4096`, /not a SCRAM message/],
    [`${nonce}${"x".repeat(2000)},s=W22Z,i=4096`, /not a SCRAM message/],
    ["", /not a SCRAM message/],
    ["e=other-error", /answered "other-error"/],
  ];
  for (const [serverFirst, message] of cases) {
    await assert.rejects(converse("SHA-256", [serverFirst]), message);
  }
});

Deno.test("too few iterations, which make guessing easy, and too many, which take hours, are rejected", async () => {
  for (const iterations of ["1", "4095", "1000001", "999999999", "99999999999999999999", "-1", "4096x"]) {
    const serverFirst = `r=${EXAMPLE.clientNonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=${iterations}`;
    await assert.rejects(converse("SHA-256", [serverFirst]), /iterations|not a SCRAM message/);
  }
});

/** What the client says when it is answered so. */
async function converse(hash: ScramHash, answers: readonly string[]): Promise<readonly string[]> {
  const { username, password, clientNonce } = EXAMPLE;
  const client = scram(hash, username, password, refused, clientNonce);
  const said: string[] = [];
  let next = await client.next();
  for (const answer of answers) {
    if (next.done === true) break;
    said.push(new TextDecoder().decode(next.value));
    next = await client.next(utf8.encode(answer));
  }
  assert.equal(next.done, true, "the login goes on");
  return said;
}
