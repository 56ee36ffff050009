// The result of one check, and how it is printed.

import { CaptureError } from "../../core/errors.ts";
import { escapeControls } from "../../observability/escape.ts";

/** The outcome of a check. `warning`: `run` works, but there is a risk. `failure`: `run` would exit. */
export type Outcome = "ok" | "warning" | "failure";

export interface Finding {
  /** What was checked: `PostgreSQL: wal_level`. */
  readonly check: string;
  readonly outcome: Outcome;
  readonly found: string;
  /** The exact SQL, command or setting that fixes it. */
  readonly fix?: string;
}

/** Findings one by one, so that they can be printed as soon as they are known. */
export type Findings = AsyncGenerator<Finding>;

export function ok(check: string, found: string): Finding {
  return { check, outcome: "ok", found };
}

export function warning(check: string, found: string, fix?: string): Finding {
  return { check, outcome: "warning", found, ...(fix === undefined ? {} : { fix }) };
}

export function failure(check: string, found: string, fix?: string): Finding {
  return { check, outcome: "failure", found, ...(fix === undefined ? {} : { fix }) };
}

/** The finding for an error that ended a check. @throws anything but a CaptureError: a bug */
export function failed(check: string, error: unknown): Finding {
  if (!(error instanceof CaptureError)) throw error;
  return failure(check, error.message, error.fix);
}

/** Lines for people: `ok       PostgreSQL: version: 17.2`, the fix on a line of its own. */
export function formatFinding({ check, outcome, found, fix }: Finding): string {
  const mark = outcome === "failure" ? "FAILURE" : outcome;
  const line = `${mark.padEnd(MARK_WIDTH)}${escapeControls(`${check}: ${found}`)}\n`;
  return fix === undefined ? line : `${line}${" ".repeat(MARK_WIDTH)}fix: ${escapeControls(fix)}\n`;
}

const MARK_WIDTH = 9;
