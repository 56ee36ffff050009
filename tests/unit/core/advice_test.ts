// Advice is text that names settings as its reader writes them.

import { strictEqual } from "node:assert";
import { adviceText, START_ANEW } from "../../../src/core/advice.ts";

Deno.test("whoever has to start anew is told the setting that sends all rows, and where the steps are", () => {
  strictEqual(
    adviceText(START_ANEW),
    "start anew with SNAPSHOT_MODE=initial (docs/OPERATIONS.md, Start anew)",
  );
  strictEqual(
    adviceText(START_ANEW, (name) => `[${name}]`),
    "start anew with [snapshot.mode]=initial (docs/OPERATIONS.md, Start anew)",
  );
});
