// The program's entry point: passes the arguments on and exits with the resulting code.

import { dispatch } from "./cli/dispatch.ts";
import { EXIT_BUG } from "./cli/exit_code.ts";
import { FailureReport } from "./cli/failure_report.ts";
import { run } from "./cli/run.ts";
import { fileFacts, ownUid, readEnvironment, readTextFile } from "./config/environment.ts";
import { writeStandardOutput } from "./cli/standard_output.ts";
import { writeStandardError } from "./observability/standard_error.ts";

const failure = new FailureReport(writeStandardError);

globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  failure.report(event.reason);
  Deno.exit(EXIT_BUG);
});
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  failure.report(event.error ?? event.message);
  Deno.exit(EXIT_BUG);
});

Deno.exit(
  await dispatch(Deno.args, {
    env: readEnvironment,
    readTextFile,
    fileFacts,
    ownUid,
    standardOutput: writeStandardOutput,
    standardError: writeStandardError,
    failure,
    run,
    // Loaded on demand: a capture that runs for months does not need them.
    execute: async (invocation, config) =>
      await (await import("./cli/commands.ts")).execute(invocation, config),
  }),
);
