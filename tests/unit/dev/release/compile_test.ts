// What `deno task compile` is asked for, and that the executable may and does what `deno task start` does.

import { deepStrictEqual, ok, throws } from "node:assert";
import { PERMISSIONS, V8_FLAGS } from "../../../../dev/release/compile.ts";
import { compileJobs } from "../../../../dev/release/compile_targets.ts";

const HOST = "x86_64-unknown-linux-gnu";

Deno.test("without arguments it is the executable of this machine", () => {
  deepStrictEqual(compileJobs([], HOST), [{ target: HOST, fileName: "pg-capture" }]);
  deepStrictEqual(compileJobs([], "x86_64-pc-windows-msvc")[0]?.fileName, "pg-capture.exe");
});

Deno.test("a target goes by our name or Deno's, and --all are five", () => {
  const arm = { target: "aarch64-unknown-linux-gnu", fileName: "pg-capture-linux-arm64" };
  deepStrictEqual(compileJobs(["--target", "linux-arm64"], HOST), [arm]);
  deepStrictEqual(compileJobs(["--target", "linux-arm64", "--target", arm.target], HOST), [arm]);
  deepStrictEqual(compileJobs(["--all"], HOST).map(({ fileName }) => fileName), [
    "pg-capture-linux-x64",
    "pg-capture-linux-arm64",
    "pg-capture-macos-x64",
    "pg-capture-macos-arm64",
    "pg-capture-windows-x64.exe",
  ]);
});

Deno.test("what isn't known is refused with the names that are", () => {
  throws(() => compileJobs(["--target", "linux-mips"], HOST), /unknown target "linux-mips".*linux-arm64/);
  throws(() => compileJobs(["--target"], HOST), /unknown target ""/);
  throws(() => compileJobs(["--output", "x"], HOST), /unknown argument "--output"/);
});

Deno.test("the executable has the permissions and the settings of V8 of the start task, and no others", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../../../deno.json", import.meta.url)));
  const words: string[] = tasks.start.split(" ");
  deepStrictEqual(words.filter((word) => word.startsWith("--allow")), [...PERMISSIONS]);
  ok(words.includes(V8_FLAGS));
});
