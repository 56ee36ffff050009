// The result of one check, and how it is printed.

import { CaptureError } from "../../core/errors.ts";
import { escapeControls } from "../../observability/escape.ts";
import { EXIT_ACTION_NEEDED, EXIT_CONFIGURATION, EXIT_OK, exitCodeOf } from "../exit_code.ts";
import { PLAIN, type Style } from "../style.ts";

/** The outcome of a check. `warning`: `run` works, but there is a risk. `failure`: `run` would exit. */
type Outcome = "ok" | "warning" | "failure";

export interface Finding {
  /** The name of the check: `PostgreSQL: wal_level`. */
  readonly check: string;
  readonly outcome: Outcome;
  readonly found: string;
  /** The exact SQL, command or setting that fixes it. */
  readonly fix?: string;
  /** Of a failure: the code that `run` exits with; 3 if not set. */
  readonly exitCode?: number;
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
  return { ...failure(check, error.message, error.fix), exitCode: exitCodeOf(error) };
}

/** The code that `check` exits with: that of `run`, which finds errors of the configuration first. */
export function exitCodeOfFindings(findings: readonly Finding[]): number {
  const failures = findings.filter(({ outcome }) => outcome === "failure");
  if (failures.length === 0) return EXIT_OK;
  return failures.some(({ exitCode }) => exitCode === EXIT_CONFIGURATION)
    ? EXIT_CONFIGURATION
    : EXIT_ACTION_NEEDED;
}

/** Lines for people: `ok       PostgreSQL: version: 17.2`, with the fix on a separate line. */
export function formatFinding({ check, outcome, found, fix }: Finding, style: Style = PLAIN): string {
  const { word, color } = MARKS[outcome];
  const line = `${style[color](word.padEnd(MARK_WIDTH))}${escapeControls(`${check}: ${found}`)}\n`;
  return fix === undefined
    ? line
    : `${line}${" ".repeat(MARK_WIDTH)}${style.strong("fix:")} ${escapeControls(fix)}\n`;
}

const MARK_WIDTH = 9;
const MARKS = {
  ok: { word: "ok", color: "good" },
  warning: { word: "warning", color: "warning" },
  failure: { word: "FAILURE", color: "bad" },
} as const;
