// PG_MESSAGES: which logical messages are captured.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { isAnyCaptured, isCaptured, messagePrefixes } from "../../../src/config/message_prefixes.ts";

const parse = (text: string) => messagePrefixes().parse(text, {});

Deno.test("off is no message, a star is all, anything else a list of whole prefixes", () => {
  deepStrictEqual(parse("off"), { kind: "value", value: [] });
  deepStrictEqual(parse(" OFF "), { kind: "value", value: [] });
  deepStrictEqual(parse("*"), { kind: "value", value: "all" });
  deepStrictEqual(parse('audit, orders,"a, ""b"", *"'), {
    kind: "value",
    value: ["audit", "orders", 'a, "b", *'],
  });
  deepStrictEqual(parse('"off"'), { kind: "value", value: ["off"] });
});

Deno.test("what is probably meant otherwise is refused", () => {
  for (const text of ["*,audit", "audit.*", "audit,off", ","]) {
    const parsed = parse(text);
    ok(parsed.kind === "invalid", text);
    match(parsed.fix, /^write /);
  }
});

Deno.test("a prefix is captured where it is named in full", () => {
  strictEqual(isAnyCaptured([]), false);
  for (const prefixes of ["all", ["audit"]] as const) {
    strictEqual(isAnyCaptured(prefixes), true);
    strictEqual(isCaptured("audit", prefixes), true);
    strictEqual(isCaptured("Audit", prefixes), prefixes === "all");
    strictEqual(isCaptured("", prefixes), prefixes === "all");
  }
});
