// The logger: which levels are written, and how messages pass through the library behind it.

import { strict as assert } from "node:assert";
import { createLogger, type LogFormat, type LogLevel } from "../../../src/observability/logger.ts";

const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];

Deno.test("each level writes itself and what is more important", () => {
  for (const [index, level] of LEVELS.entries()) {
    const { logger, lines } = recorded(level);
    for (const each of LEVELS) logger[each]("said");
    assert.deepEqual(lines.map((line) => JSON.parse(line).level), LEVELS.slice(0, index + 1), level);
  }
});

Deno.test("braces in a message are text, not places for fields", () => {
  const { logger, lines } = recorded("info");
  logger.info("topic {prefix}.{schema} {{x}} {*}", { prefix: "cdc" });
  assert.equal(JSON.parse(lines[0] ?? "").message, "topic {prefix}.{schema} {{x}} {*}");
  assert.equal(JSON.parse(lines[0] ?? "").prefix, "cdc");
});

Deno.test("a secret that changes while the process runs is cut out from then on", () => {
  let secret = "first-secret";
  const { logger, lines } = recorded("info", "plain", () => [secret]);
  logger.info("m", { a: "first-secret" });
  secret = "second-secret";
  logger.warn("second-secret");
  assert.deepEqual(lines.map((line) => line.slice(line.indexOf(" "))), [
    " info  m a=[secret]\n",
    " warn  [secret]\n",
  ]);
});

Deno.test("the time is the time of the call", () => {
  const { logger, lines } = recorded("info");
  const before = Date.now();
  logger.info("now");
  const time = Date.parse(JSON.parse(lines[0] ?? "").time);
  assert.ok(before <= time && time <= Date.now());
});

function recorded(level: LogLevel, format: LogFormat = "json", secrets: () => readonly string[] = () => []) {
  const lines: string[] = [];
  return { logger: createLogger({ level, format, write: (line) => void lines.push(line), secrets }), lines };
}
