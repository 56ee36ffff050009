// The compiled executable, alone in an empty folder, does the same as `deno task start`.

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { tempFolder } from "../../dev/janitor.ts";
import { startCapture } from "../support/capture.ts";
import { compileExecutable } from "../support/executable.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed } from "../support/servers.ts";
import { createWriterTables, WRITER_TABLES, Writers } from "../support/writer.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("the compiled executable captures by itself", async () => {
  const compiled = await compileExecutable();
  const sums = await Deno.readTextFile(`${ROOT}dist/SHA256SUMS`);
  await compileExecutable();
  strictEqual(await Deno.readTextFile(`${ROOT}dist/SHA256SUMS`), sums, "the same source gives other bytes");
  const folder = await tempFolder("executable");
  const executable = `${folder}/pg-capture`;
  await Deno.copyFile(compiled, executable);
  const version = await new Deno.Command(executable, { args: ["-V"], cwd: folder, clearEnv: true }).output();
  const text = new TextDecoder().decode(version.stdout);
  match(text, /^pg-capture \d+\.\d+\.\d+ \([0-9a-f]{12}(-dirty)?, \d{4}-\d\d-\d\d, \w+-\w+-[\w-]+\)\n$/);
  const [, documented] = /`dist\/pg-capture`: (\d+) MB/.exec(await Deno.readTextFile(`${ROOT}README.md`)) ??
    [];
  const sizeMb = (await Deno.stat(compiled)).size / 1e6;
  // Deno's runtime differs a little from system to system.
  ok(Math.abs(sizeMb - Number(documented)) < 10, `${sizeMb} MB`);
  await assertChecksum();

  await using bed = await createTestBed();
  const temporary = await tempFolder("tmpdir");
  await createWriterTables(bed.sql);
  await using capture = await startCapture({
    env: { ...bed.env, TMPDIR: temporary },
    executable,
    cwd: folder,
  });
  await capture.waitForLog("Streaming");
  await using writers = new Writers(bed.postgres, 2, 21).start();
  await new Promise((resolve) => setTimeout(resolve, 500));
  await writers.stop();
  await waitUntilConfirmed(bed, capture);
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
  // Nothing in a place where others could have planted it, such as Deno's code cache.
  deepStrictEqual([...Deno.readDirSync(temporary)], []);
});

/** SHA256SUMS is that of the executable, in the form of sha256sum. */
async function assertChecksum(): Promise<void> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${ROOT}dist/pg-capture`));
  const sum = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  strictEqual(await Deno.readTextFile(`${ROOT}dist/SHA256SUMS`), `${sum}  pg-capture\n`);
}
