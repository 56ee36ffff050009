// The exit code of each error that can end a command.

import { strictEqual } from "node:assert";
import { exitCodeOf } from "../../../src/cli/exit_code.ts";
import { ConfigurationErrors } from "../../../src/config/configuration_errors.ts";
import { CaptureError } from "../../../src/core/errors.ts";

Deno.test("a configuration error ends with 2, however it was found", () => {
  strictEqual(exitCodeOf(new ConfigurationErrors([])), 2);
  strictEqual(exitCodeOf(new CaptureError("configuration", "a file")), 2);
});

Deno.test("an error that needs operator action ends with 3, and so does one that only run retries", () => {
  strictEqual(exitCodeOf(new CaptureError("postgres-refused", "no")), 3);
  strictEqual(exitCodeOf(new CaptureError("postgres-unavailable", "no")), 3);
});

Deno.test("anything else is a bug and ends with 1", () => {
  strictEqual(exitCodeOf(new TypeError("x is undefined")), 1);
  strictEqual(exitCodeOf("thrown text"), 1);
});
