// Whether a certificate is for a host: the cases of libpq's own tests (src/test/ssl/t/001_ssltests.pl), and others.

import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { createAuthority } from "../../../../dev/servers/certificates.ts";
import { certificateNames } from "../../../../src/source/tls/certificate_names.ts";
import { describeNames, isAddress, isForHost } from "../../../../src/source/tls/host_name.ts";

const authority = createAuthority("authority");

/** [common name, alternative names, host, whether it is for the host] */
const CASES: readonly (readonly [string, readonly string[], string, boolean])[] = [
  ["common-name.pg-ssltest.test", [], "common-name.pg-ssltest.test", true],
  ["common-name.pg-ssltest.test", [], "COMMON-name.PG-ssltest.test", true],
  ["common-name.pg-ssltest.test", [], "wronghost.test", false],
  ["common-name.pg-ssltest.test", [], "common-name.pg-ssltest.test.", false],
  ["x", ["dns1.alt-name.test", "dns2.alt-name.test", "*.wildcard.test"], "dns2.alt-name.test", true],
  ["x", ["dns1.alt-name.test", "*.wildcard.test"], "foo.wildcard.test", true],
  ["x", ["*.wildcard.test"], "FOO.Wildcard.test", true],
  ["x", ["*.wildcard.test"], "wildcard.test", false],
  ["x", ["*.wildcard.test"], ".wildcard.test", false],
  ["x", ["*.wildcard.test"], "deep.subdomain.wildcard.test", false],
  ["x", ["*"], "anything", false],
  ["x", ["*."], "anything.", false],
  ["x", ["foo*.test"], "foobar.test", false],
  ["*.cn.test", [], "foo.cn.test", true],
  // With an alternative name of the host's kind, the common name does not count.
  ["common-name.test", ["dns1.alt-name.test"], "common-name.test", false],
  ["common-name.test", ["192.0.2.1"], "common-name.test", true],
  ["192.0.2.1", [], "192.0.2.1", true],
  ["192.0.2.1", ["192.0.2.2"], "192.0.2.1", false],
  ["192.0.2.1", ["dns.test"], "192.0.2.1", true],
  ["x", ["192.0.2.1", "2001:db8::1"], "192.0.2.1", true],
  ["x", ["192.0.2.1", "2001:db8::1"], "2001:db8::1", true],
  ["x", ["192.0.2.1", "2001:db8::1"], "2001:0DB8:0:0:0:0:0:1", true],
  ["x", ["192.0.2.1", "2001:db8::1"], "2001:db8::2", false],
  ["x", ["*.0.2.1"], "192.0.2.1", true],
  ["", [], "localhost", false],
];

for (const [name, hosts, host, expected] of CASES) {
  const shown = `${JSON.stringify(name)} ${JSON.stringify(hosts)}`;
  Deno.test(`a certificate of ${shown} is ${expected ? "" : "not "}for ${host}`, () => {
    strictEqual(isForHost(namesOf(name, hosts), host), expected);
  });
}

Deno.test("a name with a zero byte inside is for nobody", () => {
  const names = namesOf("x", ["good.test\0.evil.test"]);
  strictEqual(names.dnsNames[0]?.length, 20);
  for (const host of ["good.test", "good.test\0.evil.test"]) strictEqual(isForHost(names, host), false);
});

Deno.test("certificates of version 1 have a common name", () => {
  const { cert } = authority.issue({ name: "old.test", isPlain: true });
  deepStrictEqual(certificateNames(der(cert)), {
    dnsNames: [],
    ipAddresses: [],
    commonName: "old.test",
  });
});

Deno.test("names are told to people, not too many", () => {
  strictEqual(describeNames(namesOf("x", ["a.test", "10.0.0.1"])), '"a.test", "10.0.0.1"');
  strictEqual(describeNames(namesOf("x", [])), '"x"');
  const many = Array.from({ length: 9 }, (_, index) => `h${index}.test`);
  strictEqual(describeNames(namesOf("x", many)).endsWith('"h4.test" and 4 more'), true);
});

Deno.test("no name is sent to the server for an address", () => {
  for (const address of ["127.0.0.1", "::1", "2001:db8::1"]) strictEqual(isAddress(address), true);
  for (const name of ["localhost", "1.example", "10.0.0", "fe80::1%eth0"]) {
    strictEqual(isAddress(name), false);
  }
});

Deno.test("bytes that are no certificate give an error, soon, whatever they are", () => {
  const right = der(authority.issue({ name: "a.test", hosts: ["a.test", "::1"] }).cert);
  throws(() => certificateNames(new Uint8Array()));
  throws(() => certificateNames(right.subarray(0, right.length - 1)));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(right.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
      const damaged = right.slice();
      for (const [at, byte] of changes) damaged[at] = byte;
      try {
        isForHost(certificateNames(damaged), "b.test");
      } catch (error) {
        strictEqual((error as Error).message, "not a certificate");
      }
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      throws(() => certificateNames(bytes), /not a certificate/);
    }),
  );
});

function namesOf(name: string, hosts: readonly string[]) {
  return certificateNames(der(authority.issue({ name, hosts }).cert));
}

function der(cert: string): Uint8Array {
  return new X509Certificate(cert).raw;
}
