// Escapes control characters, so that printed text stays on its line and can't control a terminal.

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Control characters, invisible formatting (such as direction changes) and line separators. */
export const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Replaces control characters, invisible formatting (such as direction changes) and line separators with
 * escapes that are also valid in a JSON string.
 */
export function escapeControls(text: string): string {
  return text.replace(STEERING, (found) => SHORT[found] ?? escapeUnits(found));
}

/** Escapes each line of the text; keeps the line breaks. */
export function escapeEachLine(text: string): string {
  return text.split("\n").map(escapeControls).join("\n");
}

function escapeUnits(text: string): string {
  let escaped = "";
  for (let index = 0; index < text.length; index++) {
    escaped += `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`;
  }
  return escaped;
}
