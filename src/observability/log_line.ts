// Formats one log message as a line: plain for people, JSON for machines.

import { describeError } from "./error_chain.ts";
import { escapeControls } from "./escape.ts";
import { maskSecrets, maskValue } from "./mask.ts";

export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";
export type LogFormat = "plain" | "json";

/** Details of a message. Errors are shown with their causes; undefined values are left out. */
export type LogFields = Readonly<Record<string, unknown>>;

interface LogMessage {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * Formats one line with its newline. It never spans lines and never contains a secret, no matter what the
 * message and its fields contain.
 */
export function formatLogLine(format: LogFormat, message: LogMessage, secrets: readonly string[]): string {
  return format === "json" ? jsonLine(message, secrets) : plainLine(message, secrets);
}

const LEVEL_WIDTH = 5;

/** Keys of the JSON line that a field must not use. */
const RESERVED = new Set(["time", "level", "message"]);

function plainLine({ timeMs, level, message, fields }: LogMessage, secrets: readonly string[]): string {
  const words = [
    new Date(timeMs).toISOString(),
    level.padEnd(LEVEL_WIDTH),
    escapeControls(maskSecrets(message, secrets)),
  ];
  const { fix, ...others } = fields;
  for (const [key, value] of Object.entries(others)) {
    if (value !== undefined) words.push(`${escapeControls(key)}=${plainValue(value, secrets)}`);
  }
  // Last and unquoted, so that the command in it can be copied.
  if (fix !== undefined) words.push(`fix: ${escapeControls(maskSecrets(String(fix), secrets))}`);
  return `${words.join(" ")}\n`;
}

function plainValue(value: unknown, secrets: readonly string[]): string {
  if (value === null) return "-";
  if (typeof value === "object" && !(value instanceof Error)) return escapeControls(toJson(value, secrets));
  const text = value instanceof Error ? describeError(value) : String(value);
  const masked = maskSecrets(text, secrets);
  return escapeControls(/^[^\s"=\\]+$/.test(masked) ? masked : JSON.stringify(masked));
}

function jsonLine({ timeMs, level, message, fields }: LogMessage, secrets: readonly string[]): string {
  const members = [
    `"time":"${new Date(timeMs).toISOString()}"`,
    `"level":"${level}"`,
    `"message":${toJson(message, secrets)}`,
  ];
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    members.push(`${JSON.stringify(RESERVED.has(key) ? `field_${key}` : key)}:${toJson(value, secrets)}`);
  }
  return `${escapeControls(`{${members.join(",")}}`)}\n`;
}

/**
 * The value as JSON. A value without a JSON form is replaced by its type's name, so that the line is not
 * lost.
 */
function toJson(value: unknown, secrets: readonly string[]): string {
  try {
    return JSON.stringify(value, (_key, item) => toJsonItem(item, secrets)) ?? `"[${typeof value}]"`;
  } catch {
    return `"[${typeof value}]"`;
  }
}

function toJsonItem(item: unknown, secrets: readonly string[]): unknown {
  if (item instanceof Error) return maskSecrets(describeError(item), secrets);
  return maskValue(typeof item === "bigint" ? String(item) : item, secrets);
}
