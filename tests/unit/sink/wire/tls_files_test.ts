// Certificates and keys from files: what is wrong with them, and which are used while they change.

import { strict as assert } from "node:assert";
import { createAuthority, encryptKey } from "../../../../dev/servers/certificates.ts";
import { CaptureError } from "../../../../src/core/errors.ts";
import { TlsFiles } from "../../../../src/sink/wire/tls_files.ts";

const authority = createAuthority("authority");
const one = authority.issue({ name: "one" });
const two = authority.issue({ name: "two" });
const PATHS = { ca: "/ca.pem", cert: "/client.pem", key: "/key.pem" };

Deno.test("files that are right give what they hold, several authorities one by one", () => {
  const files = new TlsFiles(PATHS, reader({ "/ca.pem": `Comment\n${authority.cert}\n${two.cert}` }));
  const { ca, cert, key } = files.load();
  assert.deepEqual(ca?.map((each) => each.trim()), [authority.cert.trim(), two.cert.trim()]);
  assert.deepEqual([cert, key], [one.cert, one.key]);
  assert.deepEqual(new TlsFiles({}, reader({})).load(), {});
});

Deno.test("each file that cannot be used is named, with the fix", () => {
  const damaged = authority.cert.replace(/\n[^\n]{8}/, "\nAAAAAAAA");
  const cases: readonly (readonly [Record<string, string>, RegExp, RegExp])[] = [
    [
      { "/ca.pem": "" },
      /certificate authority file "\/ca.pem": it holds no certificate/,
      /BEGIN CERTIFICATE/,
    ],
    [
      { "/ca.pem": damaged },
      /certificate authority file "\/ca.pem": a certificate in it is damaged/,
      /copy it again/,
    ],
    [{ "/ca.pem": one.key }, /certificate authority file "\/ca.pem": it holds no certificate/, /holds a key/],
    [
      { "/client.pem": one.key },
      /client certificate file "\/client.pem": it holds no certificate/,
      /holds a key/,
    ],
    [{ "/key.pem": one.cert }, /private key file "\/key.pem": it holds no key/, /BEGIN PRIVATE KEY/],
    [
      { "/key.pem": two.key },
      /private key file "\/key.pem": it is not the key of the certificate in "\/client.pem"/,
      /./,
    ],
    [
      { "/key.pem": encryptKey(one.key, "pw") },
      /private key file "\/key.pem": the key is encrypted/,
      /openssl pkey -in "\/key.pem"/,
    ],
    [
      { "/key.pem": one.key.replace(/\n[^\n]{20}/, "\nAAAAAAAAAAAAAAAAAAAA") },
      /private key file "\/key.pem": the key is damaged/,
      /PEM/,
    ],
  ];
  for (const [changes, message, fix] of cases) {
    assert.throws(() => new TlsFiles(PATHS, reader(changes)).load(), (error) => {
      assert(error instanceof CaptureError);
      assert.equal(error.kind, "configuration");
      assert.match(error.message, message);
      assert.match(error.fix ?? "", fix);
      assert.doesNotMatch(`${error.message}${error.fix}${error.cause}`, /MIGH|AAAA/, "a part of the key");
      return true;
    });
  }
  assert.throws(
    () => new TlsFiles({ ca: "/none.pem" }, reader({})).load(),
    /"\/none.pem": there is no such file/,
  );
  const denied = () => {
    throw new Error("permission denied");
  };
  assert.throws(
    () => new TlsFiles(PATHS, denied).load(),
    /certificate authority file "\/ca.pem": it cannot be read: permission denied/,
  );
});

Deno.test("files are read for each connection; while a replacement is not whole, what was right last counts", () => {
  const texts: Record<string, string | undefined> = {};
  const read = reader(texts);
  const files = new TlsFiles(PATHS, read);
  assert.equal(files.load().key, one.key);
  texts["/key.pem"] = two.key; // its certificate comes a moment later
  assert.equal(files.load().key, one.key);
  texts["/client.pem"] = two.cert;
  assert.deepEqual([files.load().cert, files.load().key], [two.cert, two.key]);
  texts["/ca.pem"] = "";
  assert.equal(files.load().ca?.length, 1);
});

/** Reads the right files, but for those that are changed. */
function reader(changes: Record<string, string | undefined>): (path: string) => string | undefined {
  const right: Record<string, string> = {
    "/ca.pem": authority.cert,
    "/client.pem": one.cert,
    "/key.pem": one.key,
  };
  return (path) => changes[path] ?? right[path];
}
