// Ends a session that has to start again at once.

import type { CaptureError } from "../core/errors.ts";

/**
 * A change cannot be sent, and part of its transaction is in the buffer. The next session stops before that
 * transaction (`SessionMemory.refused`) and delivers everything before it.
 */
export class RestartSession extends Error {
  override readonly name = "RestartSession";
  override readonly cause: CaptureError;

  constructor(cause: CaptureError) {
    super(`start again: ${cause.message}`);
    this.cause = cause;
  }
}
