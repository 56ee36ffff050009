// deno task test: all tests. First those without servers; then the others, file by file in two lanes, each with a
// PostgreSQL and a Kafka of its own. Prints each test's result as it comes, and a file's whole output when it fails.

import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { cleanUp, guard, release } from "../dev/servers/janitor.ts";
import { startKafka } from "../dev/servers/kafka.ts";
import { startPostgres } from "../dev/servers/postgres.ts";
import { chosenKafka, chosenPostgres, serversEnvironment } from "../dev/servers/servers_environment.ts";
import { DevServerError } from "../dev/servers/tools.ts";
import { addCounts, isResultLine, readCounts, type TestCounts } from "./support/test_report.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WITHOUT_SERVERS = ["tests/unit", "tests/property", "tests/golden"];
const WITH_SERVERS = ["tests/fault", "tests/integration"];
/** They take longest: started first, so that no lane is left with one at the end. */
const LONGEST = ["postgres_test.ts", "instances_test.ts", "refusals_test.ts"];
const LANES = Math.min(2, navigator.hardwareConcurrency);
const NOTHING: TestCounts = { passed: 0, failed: 0, ignored: 0 };

let exitCode = 1;
try {
  exitCode = await runAll();
} catch (error) {
  if (!(error instanceof DevServerError)) throw error;
  print(error.message);
} finally {
  await cleanUp();
}
Deno.exit(exitCode);

async function runAll(): Promise<number> {
  const startedAt = performance.now();
  const waiting = testFiles();
  const files = waiting.length;
  print(`This takes about 8 minutes on two idle cores: the tests without servers, then ${files} files with.`);
  // The terminal's Ctrl-C reaches the tests by itself; their end is this program's.
  let interrupted = false;
  Deno.addSignalListener("SIGINT", () => {
    interrupted = true;
    waiting.length = 0;
  });
  let counts = await runTests(["--parallel", ...WITHOUT_SERVERS], {}, "");
  let started = 0;
  const lane = async (env: Readonly<Record<string, string>>) => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      started++;
      const found = await runTests([file], env, `[${started}/${files}] ${file} => `);
      counts = addCounts(counts, found);
    }
  };
  const lanes: Promise<void>[] = [];
  // One after the other: the first one fetches what the second one finds.
  while (lanes.length < LANES && waiting.length > 0) lanes.push(lane(await startServers()));
  await Promise.all(lanes);
  const { passed, failed, ignored } = counts;
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const time = `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  const outcome = failed === 0 ? "ok" : "FAILED";
  print(`\n${outcome} | ${passed} passed | ${failed} failed | ${ignored} ignored (${time})`);
  return failed === 0 && !interrupted ? 0 : 1;
}

/** @returns the environment that tells tests of them */
async function startServers(): Promise<Readonly<Record<string, string>>> {
  const [postgres, kafka] = await Promise.all([
    startPostgres({ ...chosenPostgres(), onProgress: print }),
    startKafka({ ...chosenKafka(), onProgress: print }),
  ]);
  return serversEnvironment(postgres, kafka.bootstrap);
}

function testFiles(): string[] {
  const files = WITH_SERVERS.flatMap((folder) =>
    [...Deno.readDirSync(`${ROOT}${folder}`)].map(({ name }) => `${folder}/${name}`)
  ).filter((file) => file.endsWith("_test.ts")).sort();
  return [
    ...files.filter((file) => LONGEST.includes(basename(file))),
    ...files.filter((file) => !LONGEST.includes(basename(file))),
  ];
}

/** @param prefix of each line that says what a test came to */
async function runTests(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  prefix: string,
): Promise<TestCounts> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--quiet", ...args],
    cwd: ROOT,
    env: { ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await guard(child.pid, "TERM");
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array>) => {
    let line = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      const lines = `${line}${text}`.split("\n");
      line = lines.pop() ?? "";
      for (const each of lines) if (isResultLine(each)) print(`${prefix}${each}`);
    }
  };
  await Promise.all([read(child.stdout), read(child.stderr)]);
  const { success } = await child.status;
  await release(child.pid);
  const counts = readCounts(output) ?? NOTHING;
  if (success) return counts;
  print(output);
  // A file that can't be loaded, or ends the process, is a failure too.
  return counts.failed > 0 ? counts : addCounts(counts, { ...NOTHING, failed: 1 });
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
