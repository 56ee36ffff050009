// Turns one log message to its line: plain for people, JSON for machines.

import { describeError } from "./error_chain.ts";
import { escapeControls } from "./escape.ts";
import { maskSecrets, maskValue } from "./mask.ts";

export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";
export type LogFormat = "plain" | "json";

/** What a message is about. Errors are shown with their causes; undefined is left out. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogMessage {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * One line, its newline included. Whatever the message and its fields hold, it stays one line and holds none of
 * the secrets.
 */
export function formatLogLine(format: LogFormat, message: LogMessage, secrets: readonly string[]): string {
  return format === "json" ? jsonLine(message, secrets) : plainLine(message, secrets);
}

const LEVEL_WIDTH = 5;

/** Keys of the JSON line that a field must not take. */
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
  // Last, and as it is: a person copies the command in it.
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

/** The value as JSON; one that has no JSON form is named by its type, so that the line is not lost. */
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
