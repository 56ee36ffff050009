// A topic that can't be used: Kafka can't tell it from another, or its name is not allowed.

import { CaptureError } from "../core/errors.ts";
import type { TableName } from "./tables_ahead.ts";

/** Says nothing yet about whose topic it is: `conflictOf` does. */
export class TopicConflict extends CaptureError {
  readonly topic: string;
  readonly found: string;
  /** Ways out other than a rule for the table. */
  readonly fixes: readonly string[];

  constructor(topic: string, found: string, fixes: readonly string[]) {
    super("topic-conflict", `Cannot use topic "${topic}": ${found}`, { hint: fixes.join("; or ") });
    this.topic = topic;
    this.found = found;
    this.fixes = fixes;
  }
}

/** The error that names whose changes can't be sent, with the rule that gives a table another topic. */
export function conflictOf(
  target: TableName | "message",
  conflict: TopicConflict,
): CaptureError {
  const { topic, found, fixes } = conflict;
  const what = target === "message" ? "logical messages" : tableText(target);
  const rule = target === "message" ? [] : [ruleText(target, suggestionFor(topic))];
  return new CaptureError(
    "topic-conflict",
    `Cannot send ${what} to topic "${topic}": ${found}`,
    { hint: [...rule, ...fixes, "set KAFKA_OVERSIZE=dead-letter"].join("; or "), cause: conflict },
  );
}

/** Quoted, so that control characters in a name can do no harm in a log. */
export function tableText({ schema, table }: TableName): string {
  return `table ${JSON.stringify(schema)}.${JSON.stringify(table)}`;
}

/** No table has this one without a rule: an escape has two digits (rules/topic_name.ts). */
function suggestionFor(topic: string): string {
  return topic.length <= SUGGESTION_LENGTH_MAX ? `${topic}-2` : "NAME";
}

const SUGGESTION_LENGTH_MAX = 247;

function ruleText({ schema, table }: TableName, suggestion: string): string {
  const pattern = tomlText(`${patternText(schema)}.${patternText(table)}`);
  return "give the table another topic in the TOML file (-c FILE): below a line [[tables]], the lines " +
    `match = [${pattern}] and topic = ${tomlText(suggestion)}`;
}

function patternText(name: string): string {
  return /^[^\s.,"'*]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** A literal string where it can be one: it reads better in a log, which escapes double quotes. */
function tomlText(text: string): string {
  return /['\p{Cc}]/u.test(text) ? JSON.stringify(text) : `'${text}'`;
}
