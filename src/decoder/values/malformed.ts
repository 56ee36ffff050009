// The errors for a value that is not of the form that its type has.

import { CaptureError } from "../../errors.ts";

/** Names the type and never the value: a row's data must not reach a log. */
export function malformed(typeName: string): CaptureError {
  return new CaptureError(
    "decoding",
    `Cannot write a value of type ${typeName} as JSON: it is not of the form that PostgreSQL prints`,
  );
}

/**
 * A composite value with another number of fields than its type: PostgreSQL prints a row by the type as it was when
 * the row was written, and says nothing of ALTER TYPE in the stream. Worth another look at the catalog.
 */
export class FieldCountMismatch extends CaptureError {
  constructor(typeName: string, found: "more" | "fewer", fields: number) {
    super(
      "decoding",
      `Cannot write a value of type ${typeName} as JSON: it has ${found} fields than the type's ${fields}`,
      {
        hint: "the type was altered after the row was written: docs/TYPES.md, composite types that change",
      },
    );
  }
}
