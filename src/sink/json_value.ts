// Reads the JSON of pg-capture's own records, field by field.

/** The fields of a JSON object; null if the bytes are anything else. */
export function parseJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : null;
  } catch {
    return null;
  }
}

/** A whole number of at least 0; undefined if the value is anything else. */
export function asCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** A string; undefined if the value is anything else. */
export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** An array of strings; undefined if the value is anything else. */
export function asTexts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : undefined;
}

/** Null, or the result of `as`. */
export function orNull<Value>(
  value: unknown,
  as: (value: unknown) => Value | undefined,
): Value | null | undefined {
  return value === null ? null : as(value);
}
