// The container image's file system made by hand, and the program in it as a container runs it.

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert";
import { tempFolder } from "../../dev/servers/janitor.ts";
import { freePort } from "../../dev/servers/ports.ts";
import { startCapture } from "../support/capture.ts";
import { compileInBuilder, compileObstacle } from "../support/executable.ts";
import { Image, imageObstacle } from "../support/image.ts";
import { optionalTest } from "../support/optional.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed } from "../support/servers.ts";
import { createWriterTables, WRITER_TABLES, Writers } from "../support/writer.ts";

const obstacle = await imageObstacle() ?? await compileObstacle();
const DOCKERFILE = new URL("../../Dockerfile", import.meta.url);

optionalTest(
  "in the image's file system it streams, tells its health, and stops by its signal",
  obstacle,
  async () => {
    const build = { BUILD_COMMIT: "0123456789ab", BUILD_DATE: "2026-01-02" };
    const executable = await compileInBuilder(await tempFolder("builder"), build);
    const image = await Image.build(await Deno.readTextFile(DOCKERFILE), executable);
    match(
      await printed(image, ["-V"]),
      /^pg-capture \S+ \(0123456789ab, 2026-01-02, \w+-unknown-linux-gnu\)\n$/,
    );
    await using bed = await createTestBed({ secondSlot: true });
    await createWriterTables(bed.sql);
    const { REPLICATION_CHECKPOINT_FILE: _, ...settings } = bed.env;
    const env: Readonly<Record<string, string>> = {
      ...image.env,
      ...settings,
      METRICS_PORT: String(freePort()),
    };
    strictEqual(env["METRICS_HOST"], "0.0.0.0");
    const { entrypoint, command, healthcheck, stopSignal, uid } = image.spec;
    notStrictEqual(uid, 0);

    strictEqual(await exitCode(image, healthcheck, env), 1);
    for (let run = 0; run < 2; run++) {
      await using capture = await startCapture({ env, ...image.command([...entrypoint, ...command]) });
      await capture.waitForLog("Streaming");
      strictEqual(await exitCode(image, healthcheck, env), 0);
      match(
        await Deno.readTextFile(`/proc/${capture.pid}/status`),
        new RegExp(`^Uid:\\t${uid}\\t${uid}\\t`, "m"),
      );
      await using writers = new Writers(bed.postgres, 2, 31 + run).start();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await writers.stop();
      await waitUntilConfirmed(bed, capture);
      capture.signal(stopSignal as Deno.Signal);
      deepStrictEqual(await capture.waitForExit(15_000), { code: 0, signal: null });
      deepStrictEqual(capture.log.filter((line) => /\b(warn|error)\b/.test(line)), []);
    }
    notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
    strictEqual(await exitCode(image, healthcheck, env), 1);

    const checkpoint = await Deno.stat(`${image.state}/checkpoint.kv`);
    strictEqual(checkpoint.uid, uid);
    ok(checkpoint.size > 0);

    const elsewhere = { ...env, REPLICATION_CHECKPOINT_FILE: "/home/nonroot/checkpoint.kv" };
    await using capture = await startCapture({ env: elsewhere, ...image.command(entrypoint) });
    match(await capture.waitForLog("checkpoint can't be kept"), /Read-only file system|unable to open/);
  },
);

async function printed(image: Image, args: readonly string[]): Promise<string> {
  const command = image.command([...image.spec.entrypoint, ...args]);
  const { stdout } = await new Deno.Command(command.executable, { args: [...command.args], env: image.env })
    .output();
  return new TextDecoder().decode(stdout);
}

async function exitCode(
  image: Image,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const command = image.command(args);
  const { code, stderr } = await new Deno.Command(command.executable, {
    args: [...command.args],
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "null",
  }).output();
  strictEqual(new TextDecoder().decode(stderr), "");
  return code;
}
