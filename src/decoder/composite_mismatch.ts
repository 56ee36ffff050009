// The error that requests another catalog lookup: a composite value does not fit its type.

import { CaptureError } from "../core/errors.ts";

/**
 * A composite value that does not fit its type. PostgreSQL prints a row with the type as it was when the row
 * was written, and the stream does not report ALTER TYPE, so the type has to be looked up again before this
 * is an error.
 */
export class CompositeMismatch extends CaptureError {
  constructor(typeName: string, found: string) {
    super("decoding", `Cannot write a value of type ${typeName} as JSON: ${found}`, {
      hint: "the type was altered after the row was written: docs/TYPES.md, composite types that change",
    });
  }
}
