// Streams that PostgreSQL 14 to 18 sent once give the records that were looked at then.

import { deepStrictEqual, notStrictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { parseGolden, replay } from "./golden_stream.ts";

for (const major of [14, 15, 16, 17, 18]) {
  Deno.test(`the golden stream of PostgreSQL ${major} gives its records, byte for byte`, async () => {
    const file = fileURLToPath(new URL(`postgres_${major}.txt`, import.meta.url));
    const lines = parseGolden(await Deno.readTextFile(file));
    notStrictEqual(lines.length, 0);
    deepStrictEqual(replay(lines), lines);
  });
}
