// The lint rule that refuses import circles.

import { deepStrictEqual, strictEqual } from "node:assert";
import { circleThrough, importsOf } from "../../../../dev/lint/circles.ts";

Deno.test("a circle is found from each of its files, and only from those", () => {
  const graph = new Map([
    ["a.ts", ["b.ts"]],
    ["b.ts", ["d.ts", "c.ts"]],
    ["c.ts", ["a.ts"]],
    ["d.ts", []],
    ["e.ts", ["a.ts"]],
  ]);
  deepStrictEqual(circleThrough("a.ts", graph), ["a.ts", "b.ts", "c.ts", "a.ts"]);
  deepStrictEqual(circleThrough("c.ts", graph), ["c.ts", "a.ts", "b.ts", "c.ts"]);
  strictEqual(circleThrough("d.ts", graph), undefined);
  strictEqual(circleThrough("e.ts", graph), undefined);
});

Deno.test("imports of values and types and re-exports count; packages and text do not", () => {
  const text = [
    'import "./effect.ts";',
    'import { a } from "./values.ts";',
    'import type {\n  B,\n  C,\n} from "../core/types.ts";',
    'export * from "./all.ts";',
    'import { strictEqual } from "node:assert";',
    'export const message = "import x from ./y.ts";',
  ].join("\n");
  deepStrictEqual(importsOf("sink/batch.ts", text), [
    "sink/effect.ts",
    "sink/values.ts",
    "core/types.ts",
    "sink/all.ts",
  ]);
});
