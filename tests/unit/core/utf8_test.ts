// UTF-8 bytes of texts, one by one and many in one buffer.

import { deepStrictEqual, strictEqual } from "node:assert";
import { utf8, utf8All } from "../../../src/core/utf8.ts";

Deno.test("many texts are encoded as each of them alone, in one buffer", () => {
  const texts = ["", "a", "\u00fc\u{1f600}", '"', "", "\ufeff\ud800"];
  const all = utf8All(texts);
  deepStrictEqual(all.map((bytes) => [...bytes]), texts.map((text) => [...utf8(text)]));
  strictEqual(new Set(all.map(({ buffer }) => buffer)).size, 1);
  deepStrictEqual(utf8All([]), []);
});
