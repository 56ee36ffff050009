// A topic that cannot be used: its name is not valid, or Kafka does not distinguish it from another one.

import { advice, setting } from "./advice.ts";
import { CaptureError } from "./errors.ts";
import { type TableName, tableText } from "./table_name.ts";

/** The conflict of a topic alone. `conflictOf` adds the table that it belongs to. */
export class TopicConflict extends CaptureError {
  readonly topic: string;
  readonly found: string;
  /** Possible fixes other than a table rule. */
  readonly fixes: readonly string[];

  constructor(topic: string, found: string, fixes: readonly string[]) {
    super("topic-conflict", `Cannot use topic "${topic}": ${found}`, { hint: fixes.join("; or ") });
    this.topic = topic;
    this.found = found;
    this.fixes = fixes;
  }
}

/** The error that names the table whose changes cannot be sent, and a rule that gives it another topic. */
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
    {
      hint: advice`${[...rule, ...fixes, ""].join("; or ")}set ${setting("kafka.oversize")}=dead-letter`,
      cause: conflict,
    },
  );
}

/** No table gets this topic without a rule: an escape sequence has two digits (rules/topic_name.ts). */
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

/** A literal string if possible: it is easier to read in a log, which escapes double quotes. */
function tomlText(text: string): string {
  return /['\p{Cc}]/u.test(text) ? JSON.stringify(text) : `'${text}'`;
}
