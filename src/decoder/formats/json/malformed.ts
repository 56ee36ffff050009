// The errors for a value that is not of the form that its type has.

import { CaptureError } from "../../../core/errors.ts";

/** Names the type and never the value: a row's data must not reach a log. */
export function malformed(typeName: string): CaptureError {
  return new CaptureError(
    "decoding",
    `Cannot write a value of type ${typeName} as JSON: it is not of the form that PostgreSQL prints`,
  );
}

/**
 * A composite value that does not fit its type. PostgreSQL prints a row by the type as it was when the row was
 * written, and the stream says nothing of ALTER TYPE: worth another look at the catalog.
 */
export class CompositeMismatch extends CaptureError {
  constructor(typeName: string, found: string) {
    super("decoding", `Cannot write a value of type ${typeName} as JSON: ${found}`, {
      hint: "the type was altered after the row was written: docs/TYPES.md, composite types that change",
    });
  }
}
