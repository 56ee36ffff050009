// Finds misspelled environment variables. Variables of other programs are ignored.

import type { ConfigurationProblem } from "./configuration_errors.ts";
import type { Layer } from "./layer.ts";
import { closest, editDistance } from "./suggestion.ts";
import { SECTIONS } from "./variable.ts";
import { VARIABLE_NAMES } from "./variables.ts";

/** Problems and warnings about unknown names. */
interface UnknownNameFindings {
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly string[];
}

/**
 * Checks a layer's unknown names.
 *
 * Programs share the environment: KAFKA_HOME, KAFKA_OPTS, LOG_DIR and PG_COLOR belong to others and are ignored. A
 * probable misspelling of a variable is an error, unless the variable itself is set. A name that begins like a group
 * of variables (KAFKA_SASL_, KAFKA_TOPIC_) gets a warning.
 * @param isSet whether a known variable is set, in any layer
 */
export function checkUnknownNames(layer: Layer, isSet: (name: string) => boolean): UnknownNameFindings {
  const problems: ConfigurationProblem[] = [];
  const warnings: string[] = [];
  for (const { name, setting } of layer.unknownNames) {
    const upper = /^(pg|kafka)_/i.test(name) ? name.toUpperCase() : name;
    const near = nearest(upper);
    if (near !== undefined && isSet(near)) {
      warnings.push(`${setting}: pg-capture has no such variable and uses ${near}`);
    } else if (near !== undefined) {
      problems.push({ setting, problem: "there is no such variable", fix: `did you mean ${near}?` });
    } else if (FAMILIES.some((family) => upper.startsWith(family))) {
      warnings.push(`${setting}: pg-capture has no such variable and ignores it`);
    }
  }
  return { problems, warnings };
}

const PREFIXES: readonly string[] = Object.values(SECTIONS);
const KNOWN_NAMES: readonly string[] = VARIABLE_NAMES.flatMap((name) => [name, `${name}_FILE`]);

/** Prefixes that several variables share, or that no other program is known to use. */
const FAMILIES = [
  ...new Set(
    VARIABLE_NAMES.map((name) => name.split("_")).filter((words) => words.length > 2)
      .map((words) => `${words[0]}_${words[1]}_`),
  ),
  SECTIONS.replication,
  SECTIONS.snapshot,
];

/** The known name that is probably meant. */
function nearest(name: string): string | undefined {
  if (KNOWN_NAMES.includes(name)) return name;
  const prefix = PREFIXES.find((prefix) => name.startsWith(prefix));
  return prefix === undefined ? withPrefixFixed(name) : closest(name, KNOWN_NAMES);
}

/** KAKFA_BROKERS: a misspelled prefix that is long enough to recognize, followed by a correct rest. */
function withPrefixFixed(name: string): string | undefined {
  const [, word, rest] = /^([A-Z]{5,}_)(.+)$/.exec(name) ?? [];
  if (word === undefined) return undefined;
  return PREFIXES.filter((prefix) => prefix.length > 5 && editDistance(word, prefix) <= 2)
    .map((prefix) => `${prefix}${rest}`).find((fixed) => KNOWN_NAMES.includes(fixed));
}
