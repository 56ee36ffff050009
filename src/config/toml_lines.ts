// Helpers shared by the TOML parsers: tables, and line numbers for problems.

/** A table of TOML. */
export type Table = Readonly<Record<string, unknown>>;

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A setting's name in messages: `[pg] port (pg-capture.toml line 3)`. */
export function setting(name: string, file: string, line: number | undefined): string {
  return `${name} (${file}${line === undefined ? "" : ` line ${line}`})`;
}

/** The first line that matches, from 1. */
export function lineWhere(source: string, pattern: RegExp): number | undefined {
  const index = source.split("\n").findIndex((line) => pattern.test(line));
  return index === -1 ? undefined : index + 1;
}

export function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
