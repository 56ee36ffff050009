// TLS needs Deno 2.9.

import { doesNotThrow, throws } from "node:assert";
import { expectTlsRuntime } from "../../../src/core/tls_runtime.ts";

Deno.test("TLS is refused with an older Deno, by a line that says which one it needs", () => {
  for (const version of ["2.9.0", "2.9.6", "2.10.1", "3.0.0", Deno.version.deno]) {
    doesNotThrow(() => expectTlsRuntime(version));
  }
  for (const version of ["2.8.4", "2.6.10", "1.46.3"]) {
    throws(() => expectTlsRuntime(version), {
      kind: "configuration",
      message: /it needs Deno 2\.9 or later/,
    });
  }
});
