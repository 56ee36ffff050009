// Who signed a certificate, where the runtime does not say it (Deno before 2.9).

import { ok, strictEqual } from "node:assert";
import { X509Certificate } from "node:crypto";
import { createAuthority, inDays, selfSigned } from "../../../../dev/servers/certificates.ts";
import { holdsSignature, isOfRoots } from "../../../../src/source/tls/issuers.ts";

const authority = createAuthority("authority");
const between = authority.intermediate("between");

Deno.test("a signature holds for the key that made it, and for no other", () => {
  const certificate = der(authority.issue({ name: "host" }).cert);
  ok(holdsSignature(certificate, new X509Certificate(authority.cert).publicKey));
  // The same name, another key.
  strictEqual(
    holdsSignature(certificate, new X509Certificate(createAuthority("authority").cert).publicKey),
    false,
  );
  const changed = certificate.slice();
  changed[40]! ^= 1;
  strictEqual(holdsSignature(changed, new X509Certificate(authority.cert).publicKey), false);
  strictEqual(holdsSignature(new Uint8Array(9), new X509Certificate(authority.cert).publicKey), false);
});

Deno.test("a certificate is of roots that signed it themselves, are authorities, and are valid", () => {
  const now = Date.now();
  const host = authority.issue({ name: "host" });
  const below = der(between.issue({ name: "host" }).cert);
  const own = selfSigned({ name: "host" }).cert;
  ok(isOfRoots(der(host.cert), [createAuthority("authority").cert, authority.cert], now));
  ok(isOfRoots(der(own), [own], now));
  ok(isOfRoots(below, [between.cert, authority.cert], now));
  strictEqual(isOfRoots(der(host.cert), [createAuthority("authority").cert], now), false);
  strictEqual(isOfRoots(der(own), [selfSigned({ name: "host" }).cert], now), false);
  strictEqual(isOfRoots(der(host.cert), [host.cert], now), false);
  strictEqual(isOfRoots(below, [authority.cert], now), false);
  strictEqual(isOfRoots(below, [between.cert], now), false);
  strictEqual(isOfRoots(der(host.cert), [authority.cert], inDays(4000).getTime()), false);
  strictEqual(isOfRoots(der(host.cert), [], now), false);
});

function der(pem: string): Uint8Array {
  return Uint8Array.fromBase64(pem.replace(/-----.*-----/g, ""));
}
