// Parses the `[[tables]]` of a TOML file into table rules, and reports all problems.

import type { TablePattern, TableRule } from "../rules/table_rule.ts";
import type { ConfigurationProblem } from "./configuration_errors.ts";
import { parseTablePattern } from "./names.ts";
import { closest } from "./suggestion.ts";
import { parseTopicTemplate } from "./topic_template.ts";
import { escapePattern, isTable, setting, type Table } from "./toml_lines.ts";

const KEYS = ["match", "topic"] as const;
/** Planned keys. They are rejected until they are supported. */
const LATER_KEYS = [
  "key",
  "partition_by",
  "operations",
  "skip_unchanged",
  "columns",
  "headers",
] as const;

/**
 * @param value the file's value of `tables`
 * @param source the file's text, to find line numbers
 */
export function readTableRules(
  value: unknown,
  source: string,
  file: string,
  problems: ConfigurationProblem[],
): readonly TableRule[] {
  if (!Array.isArray(value) || !value.every(isTable)) {
    problems.push({
      setting: setting("tables", file, undefined),
      problem: "it is not a list of rules",
      fix: "write [[tables]], with double brackets, above the keys of each rule",
    });
    return [];
  }
  const lines = new RuleLines(source);
  /** Where each pattern first appears. */
  const places = new Map<string, string>();
  return value.map((rule, index) => {
    const label = (key: string) => setting(`[[tables]] ${key}`, file, lines.of(index, key));
    for (const key of Object.keys(rule)) {
      const fault = keyFault(key);
      if (fault !== undefined) problems.push({ setting: label(key), ...fault });
    }
    return {
      match: readMatch(rule, label("match"), places, problems),
      topic: readTopic(rule, label("topic"), problems),
    };
  });
}

type Fault = Omit<ConfigurationProblem, "setting">;

function keyFault(key: string): Fault | undefined {
  if (KEYS.some((known) => known === key)) return undefined;
  const later = LATER_KEYS.find((known) => known === key);
  if (later !== undefined) return { problem: "it is not supported yet", fix: `remove ${later}` };
  // `closest` ignores the first word, because variable names share it.
  const near = closest(`x_${key}`, [...KEYS, ...LATER_KEYS].map((known) => `x_${known}`))?.slice(2);
  return {
    problem: "there is no such key",
    fix: near === undefined ? `the keys of [[tables]] are ${KEYS.join(", ")}` : `did you mean ${near}?`,
  };
}

function readMatch(
  { match }: Table,
  label: string,
  places: Map<string, string>,
  problems: ConfigurationProblem[],
): readonly TablePattern[] {
  if (!Array.isArray(match) || match.length === 0 || !match.every((each) => typeof each === "string")) {
    problems.push({
      setting: label,
      problem: match === undefined ? "not set" : "it is not a list of tables",
      fix: 'write the tables that the rule applies to: match = ["public.users", "sales.*"]',
    });
    return [];
  }
  return match.flatMap((text: string) => {
    const parsed = parseTablePattern(text.trim());
    if (parsed.kind === "invalid") {
      problems.push({ setting: label, problem: parsed.problem, fix: parsed.fix });
      return [];
    }
    const { schema, table } = parsed.value;
    const place = places.get(JSON.stringify([schema, table]));
    if (place === undefined) {
      places.set(JSON.stringify([schema, table]), label);
      return [{ schema, table }];
    }
    problems.push({
      setting: label,
      problem: `${JSON.stringify(text)} already has a rule: ${place}`,
      fix: "remove one of the two: the first rule that matches a table applies to it",
    });
    return [];
  });
}

function readTopic({ topic }: Table, label: string, problems: ConfigurationProblem[]): TableRule["topic"] {
  if (topic === undefined) return undefined;
  if (typeof topic !== "string") {
    problems.push({
      setting: label,
      problem: "the value has the wrong type",
      fix: "write a string in quotes",
    });
    return undefined;
  }
  const parsed = parseTopicTemplate(topic);
  if (parsed.kind === "value") return parsed.value;
  problems.push({ setting: label, problem: parsed.problem, fix: parsed.fix });
  return undefined;
}

/** Finds the lines of each rule's keys. It does not recognize every way to write TOML. */
class RuleLines {
  readonly #lines: readonly string[];
  readonly #starts: readonly number[];

  constructor(source: string) {
    this.#lines = source.split("\n");
    this.#starts = this.#lines.flatMap((line, index) =>
      /^\s*\[\[\s*["']?tables["']?\s*\]\]/.test(line) ? [index] : []
    );
  }

  /** The key's line, from 1; the rule's line if the key is not found; undefined if neither is found. */
  of(rule: number, key: string): number | undefined {
    const start = this.#starts[rule];
    if (start === undefined) return undefined;
    const name = `["']?${escapePattern(key)}["']?`;
    const pattern = new RegExp(`^\\s*(?:${name}\\s*[=.]|\\[+\\s*tables\\s*\\.\\s*${name}\\s*[\\].])`);
    const end = this.#starts[rule + 1] ?? this.#lines.length;
    const at = this.#lines.slice(start, end).findIndex((line) => pattern.test(line));
    return start + 1 + Math.max(at, 0);
  }
}
