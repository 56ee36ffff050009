// Files that settings are read from, as a real process meets them: what is no regular file, is too large or
// another's.

import { match, ok, strictEqual, throws } from "node:assert";
import { symlink } from "node:fs/promises";
import { readTextFile } from "../../src/config/environment.ts";
import { startCapture } from "../support/capture.ts";

const SETTINGS = {
  PG_HOST: "127.0.0.1",
  PG_PORT: "1",
  PG_DATABASE: "shop",
  PG_USERNAME: "replicator",
  PG_PASSWORD: "planted-password",
  KAFKA_BROKERS: "127.0.0.1:1",
  METRICS_PORT: "0",
};

Deno.test("a device, a FIFO, a folder and 2 MB in place of a file are an error with the setting's name, at once", async () => {
  await inFolder(async (folder) => {
    await new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).output();
    await Deno.writeTextFile(`${folder}/large`, "x".repeat(2 << 20));
    await symlink("/dev/zero", `${folder}/link`);
    for (const path of ["/dev/zero", `${folder}/link`, `${folder}/fifo`, folder, `${folder}/large`]) {
      const { PG_PASSWORD: _, ...env } = SETTINGS;
      const cases = [
        { name: "PG_PASSWORD_FILE", env: { ...env, PG_PASSWORD_FILE: path } },
        { name: "-c, --config", env: SETTINGS, args: ["run", "-c", path] },
      ];
      // Certificates and keys go the same way, at each connection.
      throws(() => readTextFile(path));
      for (const { name, ...options } of cases) {
        await using capture = await startCapture({ cwd: folder, ...options });
        const { code } = await capture.waitForExit(10_000);
        const log = capture.log.join("\n");
        strictEqual(code, 2, `${name} ${path}: ${log}`);
        match(
          log,
          /not a regular file|is a directory|Is a directory|larger than|Requires all access/,
          `${name} ${path}`,
        );
      }
    }
  });
});

Deno.test("the log says that .env was read; one that others may write to is left out with a warning", async () => {
  await inFolder(async (folder) => {
    const { PG_PORT: _, ...env } = SETTINGS;
    await Deno.writeTextFile(`${folder}/.env`, "PG_PORT=2\n");
    await Deno.chmod(`${folder}/.env`, 0o600);
    {
      await using capture = await startCapture({ env, cwd: folder });
      match(await capture.waitForLog("Cannot connect to PostgreSQL"), /127\.0\.0\.1:2: /);
      ok(capture.log.some((line) => line.includes("Read settings from a file file=.env")));
    }
    await Deno.chmod(`${folder}/.env`, 0o666);
    {
      await using capture = await startCapture({ env, cwd: folder });
      match(await capture.waitForLog("Cannot connect to PostgreSQL"), /127\.0\.0\.1:5432: /);
      ok(
        capture.log.some((line) => line.includes(" warn  .env: it is not read: other users may write to it")),
      );
    }
    await Deno.chmod(`${folder}/.env`, 0o600);
    await Deno.writeTextFile(`${folder}/c.toml`, "[pg]\nport = 3\n");
    await using capture = await startCapture({ env, cwd: folder, args: ["run", "-c", "c.toml"] });
    match(await capture.waitForLog("Cannot connect to PostgreSQL"), /127\.0\.0\.1:3: /);
  });
});

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "pg-capture-settings-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
