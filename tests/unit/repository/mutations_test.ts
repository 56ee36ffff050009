// The table of mutations fits the source: each names a place that is there, once.

import { strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { MUTATIONS } from "../../mutation/mutations.ts";
import { SNAPSHOT_MUTATIONS } from "../../mutation/snapshot_mutations.ts";

Deno.test("each mutation changes exactly one place", async () => {
  for (const { breaks, file, find, replace } of [...MUTATIONS, ...SNAPSHOT_MUTATIONS]) {
    const text = await Deno.readTextFile(fileURLToPath(new URL(`../../../${file}`, import.meta.url)));
    strictEqual(text.split(find).length - 1, 1, `${file}: ${breaks}`);
    strictEqual(find === replace, false, breaks);
  }
});
