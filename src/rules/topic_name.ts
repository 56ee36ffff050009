// Names of topics: how a template becomes one, and how names of PostgreSQL are escaped in it.

import type { Placeholder, TopicTemplate } from "./table_rule.ts";

/** The topic of a table that has no other by a rule. */
export const DEFAULT_TOPIC: TopicTemplate = [
  { placeholder: "prefix" },
  ".",
  { placeholder: "schema" },
  ".",
  { placeholder: "table" },
];

/** What is put in the places of a template. */
type TopicValues = Readonly<Record<Placeholder, string>>;

/** The topic's name. The prefix is written as it is, names of PostgreSQL are escaped. */
export function renderTopic(template: TopicTemplate, values: TopicValues): string {
  return template.map((part) => {
    if (typeof part === "string") return part;
    const value = values[part.placeholder];
    return part.placeholder === "prefix" ? value : escapeName(value);
  }).join("");
}

/**
 * Letters, digits and `_` stay; each byte of any other character in UTF-8 becomes `-` and two hexadecimal
 * digits. This is percent-encoding with another sign, so it can be reversed: two names never become one. A dot
 * is escaped too, so it can separate names.
 */
export function escapeName(name: string): string {
  return name.replace(/[^A-Za-z0-9_]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return Array.from(UTF8.encode(character), (byte) => `-${byte.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("");
}

const UTF8 = new TextEncoder();
