import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { CaptureError } from "../../../src/core/errors.ts";
import { joinReason, reasonOf, splitReason } from "../../../src/core/reason.ts";

Deno.test("the fix is what a reason ends with", () => {
  deepStrictEqual(splitReason("no (fix: GRANT a (b))"), { found: "no", fix: "GRANT a (b)" });
  deepStrictEqual(splitReason("no (fix: x), says it"), { found: "no (fix: x), says it", fix: null });
  deepStrictEqual(splitReason("no"), { found: "no", fix: null });
});

Deno.test("what was joined can be separated", () => {
  for (const fix of ["GRANT a (b)", null]) {
    deepStrictEqual(splitReason(joinReason("no", fix)), { found: "no", fix });
  }
});

Deno.test("an error's reason has its fix", () => {
  strictEqual(reasonOf(new CaptureError("slot-in-use", "no", { hint: "do it" })), "no (fix: do it)");
  strictEqual(reasonOf(new CaptureError("slot-in-use", "no")), "no");
});
