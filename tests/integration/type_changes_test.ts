// Types and tables that change while rows of both kinds are on their way, on a real server.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

const SETUP = `
  CREATE TYPE pair AS (l int);
  CREATE TABLE pairs (id int PRIMARY KEY, p pair, ps pair[])`;

Deno.test("a composite type that is altered while it streams: each row by the fields of its time", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(SETUP);
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO pairs VALUES (1, '(1)', '{(1)}')");
  await waitUntilConfirmed(bed, capture);
  await bed.sql.exec("ALTER TYPE pair ADD ATTRIBUTE r text");
  await bed.sql.exec("INSERT INTO pairs VALUES (2, '(1,a)', '{\"(1,a)\"}')");
  await waitUntilConfirmed(bed, capture);
  await bed.sql.exec("ALTER TYPE pair DROP ATTRIBUTE l");
  await bed.sql.exec("INSERT INTO pairs VALUES (3, '(a)', '{(a)}')");
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual(await pairsOf(bed), [
    [{ l: 1 }, [{ l: 1 }]],
    [{ l: 1, r: "a" }, [{ l: 1, r: "a" }]],
    [{ r: "a" }, [{ r: "a" }]],
  ]);
});

Deno.test("rows older than an added attribute, read after it, have the fields of their time", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(SETUP);
  await using first = await startCapture({ env: bed.env });
  await first.waitForLog("Streaming");
  await first.terminate();
  await bed.sql.exec("INSERT INTO pairs VALUES (1, '(1)', '{(1),NULL}')");
  await bed.sql.exec("ALTER TYPE pair ADD ATTRIBUTE r text");
  await bed.sql.exec("INSERT INTO pairs VALUES (2, '(2,a)', '{}')");
  await using second = await startCapture({ env: bed.env });
  await second.waitForLog("Streaming");
  await waitUntilConfirmed(bed, second);
  // From here on a value with fewer fields is no old one: an attribute was dropped.
  await bed.sql.exec("ALTER TYPE pair DROP ATTRIBUTE l");
  await bed.sql.exec("INSERT INTO pairs VALUES (3, '(b)', '{}')");
  await waitUntilConfirmed(bed, second);
  deepStrictEqual(await pairsOf(bed), [
    [{ l: 1 }, [{ l: 1 }, null]],
    [{ l: 2, r: "a" }, []],
    [{ r: "b" }, []],
  ]);
});

Deno.test("a renamed attribute, which the stream does not tell, is noticed within seconds", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(SETUP);
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO pairs VALUES (1, '(1)', NULL)");
  await waitUntilConfirmed(bed, capture);
  await bed.sql.exec("ALTER TYPE pair RENAME ATTRIBUTE l TO renamed");
  await delay(6_000);
  await bed.sql.exec("INSERT INTO pairs VALUES (2, '(2)', NULL)");
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual(await pairsOf(bed), [[{ l: 1 }, null], [{ renamed: 2 }, null]]);
});

Deno.test("a row whose composite type has lost a field since is not guessed: it stops, with table, type and fix", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(SETUP);
  await using first = await startCapture({ env: bed.env });
  await first.waitForLog("Streaming");
  await first.terminate();
  await bed.sql.exec("INSERT INTO pairs VALUES (1, '(1)', NULL)");
  await bed.sql.exec("ALTER TYPE pair ADD ATTRIBUTE r text, ADD ATTRIBUTE s text, DROP ATTRIBUTE l");
  await using second = await startCapture({ env: bed.env });
  strictEqual((await second.waitForExit()).code, 3);
  match(
    second.log.at(-1)!,
    /Cannot write a value of type pair .*fewer fields.*public.*pairs.*fix: .*TYPES\.md/,
  );
});

Deno.test("an enum's new label, a new type and a new table, all in one transaction or after another", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE moods (id int PRIMARY KEY, m mood)");
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("ALTER TYPE mood ADD VALUE 'happy'");
  await bed.sql.exec("INSERT INTO moods VALUES (1, 'happy')");
  await bed.sql.exec(`CREATE TYPE deep AS (a mood[], b int4range);
    ALTER TABLE moods ADD d deep;
    INSERT INTO moods VALUES (2, 'sad', '({happy},"[1,2)")');
    ALTER TABLE moods RENAME d TO e;
    INSERT INTO moods VALUES (3, 'sad', NULL)`);
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount: 3 });
  deepStrictEqual(records.map(({ value }) => JSON.parse(value!).after), [
    { id: 1, m: "happy" },
    { id: 2, m: "sad", d: { a: ["happy"], b: "[1,2)" } },
    { id: 3, m: "sad", e: null },
  ]);
});

async function pairsOf(bed: TestBed): Promise<unknown[]> {
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  return records.map(({ value }) => {
    const { p, ps } = JSON.parse(value!).after;
    return [p, ps];
  });
}

for (
  const { what, statement } of [
    { what: "dropped", statement: "ALTER TABLE plain DROP a" },
    { what: "renamed", statement: "ALTER TABLE plain RENAME a TO z" },
    { what: "given another type", statement: "ALTER TABLE plain ALTER a TYPE bigint" },
    { what: "added", statement: "ALTER TABLE plain ADD c text DEFAULT 'new'" },
  ]
) {
  Deno.test(`rows that wait while a column is ${what} have the columns and values of their time`, async () => {
    await using bed = await createTestBed();
    await bed.sql.exec("CREATE TABLE plain (id int PRIMARY KEY, a int, b text)");
    await using first = await startCapture({ env: bed.env });
    await first.waitForLog("Streaming");
    await first.terminate();
    await bed.sql.exec("INSERT INTO plain VALUES (1, 7, 'b')");
    await bed.sql.exec(statement);
    await bed.sql.exec("INSERT INTO plain (id, b) VALUES (2, 'later')");
    await using second = await startCapture({ env: bed.env });
    await second.waitForLog("Streaming");
    await waitUntilConfirmed(bed, second);
    const [row, later] = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
    deepStrictEqual(JSON.parse(row!.value!).after, { id: 1, a: 7, b: "b" });
    strictEqual(JSON.parse(later!.value!).after.b, "later");
  });
}
