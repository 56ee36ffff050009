// What was found and how to fix it, as one text: the states of snapshots keep it so.

import type { CaptureError } from "./errors.ts";

/** What was found, and the fix if there is one. */
export interface Reason {
  readonly found: string;
  readonly fix: string | null;
}

const FIX = " (fix: ";

/** One text for both: `Cannot read table …: permission denied (fix: GRANT …)`. */
export function joinReason(found: string, fix: string | null | undefined): string {
  return fix === null || fix === undefined ? found : `${found}${FIX}${fix})`;
}

/** The error's message with its fix. */
export function reasonOf({ message, fix }: CaptureError): string {
  return joinReason(message, fix);
}

/** Separates what `joinReason` joined. */
export function splitReason(reason: string): Reason {
  const at = reason.lastIndexOf(FIX);
  if (at < 0 || !reason.endsWith(")")) return { found: reason, fix: null };
  return { found: reason.slice(0, at), fix: reason.slice(at + FIX.length, -1) };
}
