// Parses a rule's topic: text with {prefix}, {database}, {schema} and {table}.

import { type Placeholder, PLACEHOLDERS, type TopicTemplate } from "../rules/table_rule.ts";
import { closest } from "./suggestion.ts";
import { invalid, type Parsed, quote } from "./syntax.ts";

const TEXT_LENGTH_MAX = 249;
const WRITE_PLACEHOLDERS = "the placeholders are {prefix}, {database}, {schema} and {table}";

/** Follows Kafka's rules for names (org.apache.kafka.common.internals.Topic). */
export function parseTopicTemplate(text: string): Parsed<TopicTemplate> {
  const template: (string | { readonly placeholder: Placeholder })[] = [];
  for (const [piece, name] of text.matchAll(/\{([^{}]*)\}|[^{}]+|[{}]/g)) {
    if (name !== undefined) {
      const placeholder = PLACEHOLDERS.find((each) => each === name);
      if (placeholder === undefined) return unknownPlaceholder(name);
      template.push({ placeholder });
    } else if (piece === "{" || piece === "}") {
      return invalid(`${quote(text)} has an unmatched "${piece}"`, WRITE_PLACEHOLDERS);
    } else if (/^[A-Za-z0-9._-]+$/.test(piece)) {
      template.push(piece);
    } else {
      return invalid(
        `${quote(text)} contains characters that are not allowed in topic names`,
        `write letters, digits, dots, _ and - only; ${WRITE_PLACEHOLDERS}`,
      );
    }
  }
  return checked(text, template);
}

function checked(text: string, template: TopicTemplate): Parsed<TopicTemplate> {
  if (/^\.{0,2}$/.test(text)) {
    return invalid(`${quote(text)} is not a topic name`, "write a topic name, or remove topic");
  }
  const length = template.reduce((sum, part) => sum + (typeof part === "string" ? part.length : 0), 0);
  if (length > TEXT_LENGTH_MAX) {
    return invalid(
      `it has ${length} characters, but Kafka allows ${TEXT_LENGTH_MAX}`,
      "write a shorter name",
    );
  }
  if (!isUndivided(template)) return { kind: "value", value: template };
  return invalid(
    `${quote(text)} could give two tables the same topic by accident: nothing separates schema and table`,
    "put a dot between {schema} and {table}; to collect tables in one topic, remove one of the two",
  );
}

/** Whether no dot separates {schema} and {table}. Escaped names contain no dots. */
function isUndivided(template: TopicTemplate): boolean {
  const isName = (part: TopicTemplate[number]) =>
    typeof part !== "string" && (part.placeholder === "schema" || part.placeholder === "table");
  const names = template.flatMap((part, index) => isName(part) ? [index] : []);
  return names.some((from, index) => {
    const to = names[index + 1];
    if (to === undefined) return false;
    return !template.slice(from + 1, to).some((part) => typeof part === "string" && part.includes("."));
  });
}

function unknownPlaceholder(name: string): Parsed<never> {
  const near = closest(`x_${name}`, PLACEHOLDERS.map((known) => `x_${known}`))?.slice(2);
  return invalid(
    `there is no placeholder {${name.slice(0, 40)}}`,
    near === undefined ? WRITE_PLACEHOLDERS : `did you mean {${near}}?`,
  );
}
