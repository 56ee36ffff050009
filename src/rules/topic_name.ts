// Renders topic names from templates, and escapes PostgreSQL's names in them.

import { utf8 } from "../core/utf8.ts";
import type { Placeholder, TopicTemplate } from "./table_rule.ts";

/** The topic of a table without a rule. */
export const DEFAULT_TOPIC: TopicTemplate = [
  { placeholder: "prefix" },
  ".",
  { placeholder: "schema" },
  ".",
  { placeholder: "table" },
];

/** The values of placeholders. */
type TopicValues = Readonly<Record<Placeholder, string>>;

/** The name of the topic. The prefix is not escaped, PostgreSQL's names are. */
export function renderTopic(template: TopicTemplate, values: TopicValues): string {
  return template.map((part) => {
    if (typeof part === "string") return part;
    const value = values[part.placeholder];
    return part.placeholder === "prefix" ? value : escapeName(value);
  }).join("");
}

/**
 * Keeps letters, digits and `_`, and replaces each UTF-8 byte of any other character by `-` and two
 * hexadecimal digits. This is percent-encoding with another sign: it is reversible, so different names stay
 * different. Dots are escaped too, so a dot can separate names.
 */
export function escapeName(name: string): string {
  return name.replace(/[^A-Za-z0-9_]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return Array.from(utf8(character), (byte) => `-${byte.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("");
}
