// A runtime that is too old for TLS says so before anything is sent.

import { strict as assert } from "node:assert";
import { CaptureError } from "../../../../src/core/errors.ts";
import { TlsFiles } from "../../../../src/sink/wire/tls_files.ts";
import { openTlsSocket } from "../../../../src/sink/wire/tls_socket.ts";

Deno.test("a runtime that cannot use TLS is a configuration error, and no connection is opened", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let isConnected = false;
  listener.accept().then((connection) => {
    isConnected = true;
    connection.close();
  }, () => {});
  const address = { host: "127.0.0.1", port: listener.addr.port };
  const tls = { files: new TlsFiles({}, () => undefined), verifiesHost: true };
  const opening = openTlsSocket(address, tls, 5_000, new AbortController().signal, "2.6.10");
  await assert.rejects(opening, (error) => {
    assert(error instanceof CaptureError && error.kind === "configuration");
    assert.match(error.message, /needs Deno 2\.9 or later/);
    return true;
  });
  assert.equal(isConnected, false);
});
