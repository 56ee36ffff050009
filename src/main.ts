// The program's entry: arguments in, exit code out.

import { dispatch } from "./cli/dispatch.ts";
import { FailureReport } from "./cli/failure_report.ts";
import { run } from "./cli/run.ts";
import { readEnvironment, readTextFile } from "./config/environment.ts";
import { writeStandardError } from "./observability/standard_error.ts";

const failure = new FailureReport(writeStandardError);

globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  failure.report(event.reason);
  Deno.exit(1);
});
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  failure.report(event.error ?? event.message);
  Deno.exit(1);
});

Deno.exit(
  await dispatch(Deno.args, {
    env: readEnvironment,
    readTextFile,
    standardOutput: writeStandardOutput,
    standardError: writeStandardError,
    failure,
    run,
  }),
);

function writeStandardOutput(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}
