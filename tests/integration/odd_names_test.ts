// Names with quotes, newlines and terminal escapes: quoted for SQL, escaped in logs.

import { match, ok, strictEqual } from "node:assert";
import { freePort } from "../../dev/servers/ports.ts";
import { startCapture } from "../support/capture.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { sql } from "../../dev/servers/psql.ts";
import { createTestBed, sharedServers } from "../support/servers.ts";

const ODD = "o'd\"d\\\n\x1b[31m; DROP TABLE item; --";

Deno.test("role, database and publication of odd names work, and no command lets them out as they are", async () => {
  const { postgres } = await sharedServers();
  const id = crypto.randomUUID().slice(0, 8);
  const name = `${ODD}${id}`;
  const [identifier, literal] = [`"${name.replaceAll('"', '""')}"`, `'${name.replaceAll("'", "''")}'`];
  await using bed = await createTestBed({ publish: false });
  await using admin = await sql(postgres);
  await admin.exec(`CREATE ROLE ${identifier} SUPERUSER LOGIN REPLICATION PASSWORD ${literal}`);
  await admin.exec(`CREATE DATABASE ${identifier} OWNER ${identifier}`);
  const inside = await sql({ ...postgres, database: name });
  try {
    await inside.exec(
      `CREATE TABLE item (id int PRIMARY KEY); CREATE PUBLICATION ${identifier} FOR ALL TABLES`,
    );
    const env = {
      ...bed.env,
      PG_DATABASE: name,
      PG_USERNAME: name,
      PG_PASSWORD: name,
      PG_PUBLICATION: name,
      LOG_LEVEL: "trace",
    };
    const lines: string[] = [];
    await using capture = await startCapture({ env });
    await capture.waitForLog("Streaming");
    await inside.exec("INSERT INTO item VALUES (1)");
    await waitUntilConfirmed({ ...bed, sql: inside }, capture);
    strictEqual(await assertDelivered({ ...bed, sql: inside }, ["public.item"]), 1);
    await capture.terminate();
    lines.push(...capture.log);
    for (const args of [["check"], ["status"], ["teardown", "--publication", "--progress", "--yes"]]) {
      await using command = await startCapture({ env, args });
      strictEqual(
        (await command.waitForExit()).code,
        0,
        `${args}: ${command.log.join("\n")}${command.stdout}`,
      );
      lines.push(...command.log, ...command.stdout.split("\n"));
    }
    for (const wrong of ["PG_DATABASE", "PG_USERNAME", "PG_PUBLICATION"]) {
      await using refused = await startCapture({ env: { ...env, [wrong]: `${name}x` } });
      strictEqual((await refused.waitForExit()).code, 3);
      lines.push(...refused.log);
    }
    for (const line of lines) ok(!/\p{Cc}/u.test(line), JSON.stringify(line));
    ok(!lines.some((line) => line.startsWith("\x1b") || line.startsWith("[31m")), lines.join("\n"));
    strictEqual(await inside.value("SELECT count(*) FROM item"), "1");
  } finally {
    await inside[Symbol.asyncDispose]();
    await admin.rows(
      "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1 AND NOT active",
      [name],
    );
    await admin.exec(`DROP DATABASE ${identifier} WITH (FORCE)`);
    await admin.exec(`DROP ROLE ${identifier}`);
  }
});

Deno.test("tables and columns of odd names are published, captured, and told as they can be told", async () => {
  await using bed = await createTestBed({ publish: false });
  const odd = `"${ODD.replaceAll('"', '""')}"`;
  await bed.sql.exec(`CREATE TABLE item (id int PRIMARY KEY); CREATE TABLE ${odd} (${odd} int PRIMARY KEY)`);
  const port = freePort();
  const env = { ...bed.env, PG_TABLES: "public.*", LOG_LEVEL: "trace", METRICS_PORT: String(port) };
  await using capture = await startCapture({ env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec(`INSERT INTO ${odd} VALUES (1)`);
  await waitUntilConfirmed(bed, capture);
  for (const path of ["/metrics", "/status.json", "/readyz"]) {
    const text = await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    // Prometheus' format escapes line ends, quotes and backslashes alone.
    const shown = path === "/metrics" ? text.replaceAll("\n", "").replaceAll("\u001b", "") : text.trim();
    ok(!/\p{Cc}/u.test(shown), path);
    if (path === "/metrics") {
      match(
        text,
        /records_total\{schema="public",table="o'd\\"d\\\\\\n.*DROP TABLE item; --",operation="insert"\} 1\n/,
      );
    }
  }
  await capture.terminate();
  for (const line of capture.log) {
    ok(/^\d{4}-/.test(line) && !/\p{Cc}/u.test(line), JSON.stringify(line));
  }
  strictEqual(await bed.sql.value("SELECT count(*) FROM item"), "0");
});

Deno.test("a slot's name that could do harm is refused before it is used", async () => {
  await using bed = await createTestBed();
  for (const slot of ["a'b", 'a"b', "a;b", "a\nb", "A", "ä"]) {
    await using capture = await startCapture({ env: { ...bed.env, PG_SLOT_NAME: slot } });
    strictEqual((await capture.waitForExit()).code, 2);
    strictEqual(capture.log.length, 1);
    match(capture.log[0] ?? "", /^PG_SLOT_NAME .*write at most 63 of a-z, 0-9 and _/);
  }
});
