// Keeps what is printed on its line: control characters and what would steer a terminal are shown, not obeyed.

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Control characters, invisible formatting (such as changes of direction) and line separators. */
export const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Replaces control characters, invisible formatting (such as changes of direction) and line separators by
 * escapes that are also valid inside a JSON string.
 */
export function escapeControls(text: string): string {
  return text.replace(STEERING, (found) => SHORT[found] ?? escapeUnits(found));
}

/** Of a text of several lines, each line. */
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
