// Streams that PostgreSQL 14 to 18, and its extensions, sent once give the records that were looked at then.

import { deepStrictEqual, notStrictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { parseGolden, replay } from "./golden_stream.ts";

const STREAMS = [14, 15, 16, 17, 18].map((major) => [`PostgreSQL ${major}`, `postgres_${major}.txt`]);

for (const [sender, name] of [...STREAMS, ["pgvector and PostGIS", "extensions.txt"]]) {
  Deno.test(`the golden stream of ${sender} gives its records, byte for byte`, async () => {
    const file = fileURLToPath(new URL(name!, import.meta.url));
    const lines = parseGolden(await Deno.readTextFile(file));
    notStrictEqual(lines.length, 0);
    deepStrictEqual(replay(lines), lines);
  });
}
