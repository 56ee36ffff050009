// Which runtimes can use TLS.

import { strict as assert } from "node:assert";
import { tlsObstacle } from "../../../src/core/runtime.ts";

Deno.test("TLS needs Deno 2.9 or later, and an older one is named", () => {
  for (const version of ["2.9.0", "2.9.6", "2.10.1", "3.0.0", Deno.version.deno]) {
    assert.equal(tlsObstacle(version), undefined, version);
  }
  for (const version of ["2.8.3", "2.6.10", "1.46.3"]) {
    assert.match(tlsObstacle(version) ?? "", new RegExp(`needs Deno 2\\.9 or later.* Deno ${version}$`));
  }
});
