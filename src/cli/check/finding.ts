// What a check has found, and how it is printed.

import { CaptureError } from "../../core/errors.ts";
import { escapeControls } from "../../observability/escape.ts";

/** How a precondition stands. `warning`: it works, and harm may come of it. `failure`: `run` would not work. */
export type Outcome = "ok" | "warning" | "failure";

export interface Finding {
  /** What was looked at: `PostgreSQL: wal_level`. */
  readonly check: string;
  readonly outcome: Outcome;
  readonly found: string;
  /** The exact SQL, command or setting that mends it. */
  readonly mend?: string;
}

/** Findings as they are made, so that a person sees them come. */
export type Findings = AsyncGenerator<Finding>;

export function ok(check: string, found: string): Finding {
  return { check, outcome: "ok", found };
}

export function warning(check: string, found: string, mend?: string): Finding {
  return { check, outcome: "warning", found, ...(mend === undefined ? {} : { mend }) };
}

export function failure(check: string, found: string, mend?: string): Finding {
  return { check, outcome: "failure", found, ...(mend === undefined ? {} : { mend }) };
}

/** The finding for an error that a look ended with. @throws what is not a CaptureError: a bug */
export function failed(check: string, error: unknown): Finding {
  if (!(error instanceof CaptureError)) throw error;
  return failure(check, error.message, error.hint);
}

/** Lines for people: `ok       PostgreSQL: version: 17.2`, the mend on a line of its own. */
export function formatFinding({ check, outcome, found, mend }: Finding): string {
  const mark = outcome === "failure" ? "FAILURE" : outcome;
  const line = `${mark.padEnd(MARK_WIDTH)}${escapeControls(`${check}: ${found}`)}\n`;
  return mend === undefined ? line : `${line}${" ".repeat(MARK_WIDTH)}mend: ${escapeControls(mend)}\n`;
}

const MARK_WIDTH = 9;
