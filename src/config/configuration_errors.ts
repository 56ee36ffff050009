// One error that lists everything wrong with a configuration.

import { CaptureError } from "../core/errors.ts";

/** One problem: the setting, what was found, and the fix. */
export interface ConfigurationProblem {
  /** The setting and where it was found: `PG_PORT (environment)`, `[pg] port (pg-capture.toml line 3)`. */
  readonly setting: string;
  readonly problem: string;
  readonly fix: string;
}

/** Thrown if a configuration can't be used. It lists every problem, so that all can be fixed at once. */
export class ConfigurationErrors extends CaptureError {
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    const lines = problems.map(formatProblem);
    super("configuration", `Cannot start with this configuration:\n${lines.join("\n")}`);
    this.problems = problems;
  }

  /** One line for each problem. */
  get lines(): readonly string[] {
    return this.problems.map(formatProblem);
  }
}

/** `PG_PORT (environment): "x" is not a whole number; write a whole number from 1 to 65535 (port)` */
export function formatProblem({ setting, problem, fix }: ConfigurationProblem): string {
  return `${setting}: ${problem}; ${fix}`;
}
