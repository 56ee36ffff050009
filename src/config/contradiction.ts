// What a contradiction between settings is, and the rule that finds it.

import type { Values, VariableName } from "./variables.ts";

/** Two or more settings that contradict each other, told at the one to change. */
export interface Contradiction {
  readonly name: VariableName;
  readonly problem: string;
  readonly fix: string;
}

export interface Rule {
  /** The rule is left out when one of these is wrong by itself: that is reported already. */
  readonly involves: readonly VariableName[];
  check(values: Values): Contradiction | undefined;
}

/** A client certificate is of no use without its key, and the other way round. */
export function mustBeSetTogether(given: VariableName, missing: VariableName): Rule {
  return {
    involves: [given, missing],
    check(values) {
      if (values[given] === undefined || values[missing] !== undefined) return undefined;
      return {
        name: missing,
        problem: `not set, and ${given} is of no use without it`,
        fix: `set ${missing}, or leave ${given} out`,
      };
    },
  };
}
