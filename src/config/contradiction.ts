// A contradiction between settings, and the type of rule that finds it.

import type { Values, VariableName } from "./variables.ts";

/** Settings that contradict each other, reported for the one to change. */
export interface Contradiction {
  readonly name: VariableName;
  readonly problem: string;
  readonly fix: string;
}

export interface Rule {
  /** The rule is skipped if one of these is invalid on its own, because that is reported already. */
  readonly involves: readonly VariableName[];
  check(values: Values): Contradiction | undefined;
}

/** Two settings that need each other, such as a client certificate and its key. */
export function mustBeSetTogether(given: VariableName, missing: VariableName): Rule {
  return {
    involves: [given, missing],
    check(values) {
      if (values[given] === undefined || values[missing] !== undefined) return undefined;
      return {
        name: missing,
        problem: `not set, but ${given} needs it`,
        fix: `set ${missing}, or remove ${given}`,
      };
    },
  };
}
