// The process under test, tried with a shell in its place: what it prints, how it ends, what is done to it.

import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { startCapture } from "../support/capture.ts";

Deno.test("it gets the given environment, and nothing else of this one", async () => {
  Deno.env.set("PG_PASSWORD", "not for it");
  await using capture = await startShell('echo "$PG_HOST-$PG_PASSWORD-"; ls -A', { PG_HOST: "here" });
  deepStrictEqual(await capture.waitForExit(), { code: 0, signal: null });
  strictEqual(capture.stdout, "here--\n", "and its folder is empty");
});

Deno.test("a line of its log is waited for, and one that never comes is an error with the log's end", async () => {
  await using capture = await startShell("echo one >&2; sleep 0.2; echo two >&2; exit 3", {});
  strictEqual(await capture.waitForLog(/^tw/), "two");
  strictEqual(await capture.waitForLog("one"), "one");
  await rejects(capture.waitForLog("three"), /pg-capture ended\none\ntwo/);
  deepStrictEqual(await capture.exit, { code: 3, signal: null });
});

Deno.test("it can be terminated and killed", async () => {
  await using polite = await startShell("trap 'exit 7' TERM; echo up >&2; while :; do sleep 0.01; done", {});
  await polite.waitForLog("up");
  deepStrictEqual(await polite.terminate(), { code: 7, signal: null });
  await using stubborn = await startShell("trap '' TERM; echo up >&2; while :; do sleep 0.01; done", {});
  await stubborn.waitForLog("up");
  await rejects(stubborn.terminate(200), /still running after 200 ms/);
  strictEqual((await stubborn.exit).signal, "SIGKILL");
});

Deno.test("a frozen one is silent until it is thawed", async () => {
  await using capture = await startShell("while :; do echo tick >&2; sleep 0.01; done", {});
  await capture.waitForLog("tick");
  capture.freeze();
  await delay(50);
  const count = capture.log.length;
  await delay(100);
  strictEqual(capture.log.length, count);
  capture.thaw();
  await capture.waitForLog("tick", { from: count });
});

function startShell(script: string, env: Readonly<Record<string, string>>) {
  return startCapture({ executable: "/bin/sh", args: ["-c", script], env });
}
