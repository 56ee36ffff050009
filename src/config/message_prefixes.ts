// Which logical messages are captured, by their prefixes.

import { invalid, list, type Parsed, quote, type Syntax } from "./syntax.ts";

/** The prefixes of the messages that are captured; none: no messages. */
export type MessagePrefixes = "all" | readonly string[];

const OFF = "off";
const ALL = "*";
const QUOTED = /^"(?:[^"]|"")+"$/;

/** `off`, `*`, or prefixes separated by commas; a prefix with a comma or a space at its end is quoted. */
export function messagePrefixes(): Syntax<MessagePrefixes> {
  const prefixes = list("off, * for all, or prefixes separated by commas", parsePrefix);
  return {
    ...prefixes,
    parse(text, context) {
      if (text.trim().toLowerCase() === OFF) return { kind: "value", value: [] };
      if (text.trim() === ALL) return { kind: "value", value: "all" };
      return prefixes.parse(text, context);
    },
  };
}

/** Whether any messages are captured. */
export function isAnyCaptured(prefixes: MessagePrefixes): boolean {
  return prefixes === "all" || prefixes.length > 0;
}

/** Whether messages with this prefix are captured. */
export function isCaptured(prefix: string, prefixes: MessagePrefixes): boolean {
  return prefixes === "all" || prefixes.includes(prefix);
}

function parsePrefix(text: string): Parsed<string> {
  if (QUOTED.test(text)) return { kind: "value", value: text.slice(1, -1).replaceAll('""', '"') };
  if (text.toLowerCase() === OFF) {
    return invalid("off stands beside other prefixes", 'write off alone, or "off" in quotes for that prefix');
  }
  // Rejected, because `app.*` could be mistaken for all prefixes that begin with "app.".
  if (text.includes("*")) {
    return invalid(
      `${quote(text)} has a star, which stands for all prefixes and only alone`,
      "write * alone, or each prefix in full; in quotes a star is a character like others",
    );
  }
  return { kind: "value", value: text };
}
