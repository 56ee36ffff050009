// The error for a value that does not have the form that PostgreSQL prints for its type.

import { CaptureError } from "../../../core/errors.ts";

/** The message names the type but never the value, because a row's data must not reach a log. */
export function malformedValue(typeName: string): CaptureError {
  return new CaptureError(
    "decoding",
    `Cannot write a value of type ${typeName} as JSON: it is not of the form that PostgreSQL prints`,
  );
}
