// Adds the place in the stream to an error.

import { CaptureError } from "../core/errors.ts";
import { formatLsn, lsnOf } from "../core/position.ts";
import { type TableName, tableText } from "../core/table_name.ts";
import { CompositeMismatch } from "./composite_mismatch.ts";
import type { MessageBytes } from "./pgoutput/message_bytes.ts";

/**
 * The error with the LSN of its message and the name of its table, if it is a CaptureError. A
 * CompositeMismatch stays as it is: the record is tried again first.
 */
export function located(
  error: unknown,
  { walStartHigh, walStartLow }: MessageBytes,
  table: TableName | undefined,
): unknown {
  if (!(error instanceof CaptureError) || error instanceof CompositeMismatch) return error;
  const lsn = formatLsn(lsnOf(walStartHigh, walStartLow));
  return new CaptureError(
    error.kind,
    `${error.message} (LSN ${lsn}${table === undefined ? "" : ` of ${tableText(table)}`})`,
    {
      cause: error.cause,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    },
  );
}
