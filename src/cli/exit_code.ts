// The program's exit codes, as docs/OPERATIONS.md documents them, and the code for an error.

import { CaptureError, errorPolicy } from "../core/errors.ts";

export const EXIT_OK = 0;
export const EXIT_BUG = 1;
/** Also for a command line that can't be used. */
export const EXIT_CONFIGURATION = 2;
export const EXIT_ACTION_NEEDED = 3;
/** 128 + SIGINT, as shells report it. */
export const EXIT_INTERRUPTED = 130;

/**
 * The exit code for the error that ends the process. An error that `run` would retry needs operator action in a
 * command that does not retry. Anything but a CaptureError is a bug.
 */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof CaptureError)) return EXIT_BUG;
  const policy = errorPolicy(error.kind);
  return policy.action === "stop" ? policy.exitCode : EXIT_ACTION_NEEDED;
}
