// The lint rule that holds the order of the top folders.

import { match, strictEqual } from "node:assert";
import { folderFault } from "../../../../dev/lint/folders.ts";

Deno.test("benchmarks import the program and servers, and nothing of the tests", () => {
  strictEqual(folderFault("bench/run.ts", "../src/version.ts"), undefined);
  strictEqual(folderFault("bench/run.ts", "../dev/servers/janitor.ts"), undefined);
  strictEqual(folderFault("bench/micro/rows.ts", "../../dev/fixtures/pgoutput_bytes.ts"), undefined);
  match(folderFault("bench/paced.ts", "../tests/support/psql.ts") ?? "", /bench\/ may not import tests\//);
  match(
    folderFault("bench/micro/rows.ts", "../../tests/support/x.ts") ?? "",
    /may not import tests\/support/,
  );
});

Deno.test("the program imports neither its tools nor its tests, not even where everything comes together", () => {
  match(folderFault("src/cli/run.ts", "../../dev/servers/postgres.ts") ?? "", /src\/ may not import dev\//);
  match(folderFault("src/main.ts", "../tests/support/psql.ts") ?? "", /src\/ may not import tests\//);
  strictEqual(folderFault("src/main.ts", "./cli/dispatch.ts"), undefined);
});

Deno.test("servers stand by themselves; the demo starts them; a release knows only the version", () => {
  match(
    folderFault("dev/servers/kafka.ts", "../demo/reader.ts") ?? "",
    /dev\/servers\/ may not import dev\/demo/,
  );
  match(folderFault("dev/servers/psql.ts", "../../src/errors.ts") ?? "", /may not import src\/errors\.ts/);
  match(folderFault("dev/release/compile.ts", "../servers/tools.ts") ?? "", /may not import dev\/servers/);
  strictEqual(folderFault("dev/release/compile.ts", "../../src/version.ts"), undefined);
  strictEqual(folderFault("dev/demo/shop.ts", "../servers/tools.ts"), undefined);
  strictEqual(folderFault("dev/demo/shop.ts", "pg"), undefined);
});

Deno.test("tests import everything", () => {
  strictEqual(folderFault("tests/unit/dev/lint/folders_test.ts", "../../dev/lint/folders.ts"), undefined);
  strictEqual(folderFault("tests/support/servers.ts", "../../bench/statistics.ts"), undefined);
});
