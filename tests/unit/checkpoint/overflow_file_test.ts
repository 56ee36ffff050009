// The overflow file: bytes come back as they were written, and nothing is left in the folder.

import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import { OverflowFile } from "../../../src/checkpoint/overflow_file.ts";
import { CaptureError } from "../../../src/core/errors.ts";

Deno.test("bytes are read as they were written, until it is cleared, from a file without a name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "pg-capture-overflow-" });
  try {
    using file = new OverflowFile(`${folder}/made/on/the/way/checkpoint.kv`);
    file.clear();
    file.write(new Uint8Array([1, 2, 3]), 100_000);
    file.write(new Uint8Array([4, 5]), 99_998);
    deepStrictEqual([...file.read(5, 99_998)], [4, 5, 1, 2, 3]);
    deepStrictEqual([...Deno.readDirSync(`${folder}/made/on/the/way`)], []);
    file.clear();
    throws(() => file.read(5, 99_998), isUnavailable);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a folder that can't be written to is named, with the setting that chooses another", async () => {
  const path = await Deno.makeTempFile({ prefix: "pg-capture-overflow-" });
  try {
    using file = new OverflowFile(`${path}/checkpoint.kv`);
    throws(() => file.write(new Uint8Array(1), 0), (error) => {
      strictEqual(isUnavailable(error), true);
      match((error as CaptureError).message, /Cannot write a temporary file in/);
      match((error as CaptureError).fix!, /REPLICATION_CHECKPOINT_FILE/);
      return true;
    });
  } finally {
    await Deno.remove(path);
  }
});

function isUnavailable(error: unknown): boolean {
  return error instanceof CaptureError && error.kind === "checkpoint-unavailable";
}
