// The program's logger: a small interface of its own, with LogTape behind it.

import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import { formatLogLine, type LogFields, type LogFormat, type LogLevel } from "./log_line.ts";

export type { LogFields, LogFormat, LogLevel } from "./log_line.ts";

/**
 * Takes messages of five levels. The message is a constant sentence; what varies goes into the fields, in snake
 * case. Never a row's value.
 */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  trace(message: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  /** The least important level that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes a line with its newline. */
  readonly write: (line: string) => void;
  /** The secrets that no line may hold, asked for at each line as they can change. */
  readonly secrets: () => readonly string[];
}

/** Makes the process's logger; one made before stops writing. */
export function createLogger({ level, format, write, secrets }: LoggerOptions): Logger {
  const lines = (record: LogRecord) => write(formatLogLine(format, toMessage(record), secrets()));
  configureSync({
    reset: true,
    sinks: { lines },
    loggers: [
      { category: CATEGORY, sinks: ["lines"], lowestLevel: toLogTapeLevel(level) },
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "error" },
    ],
  });
  const logger = getLogger(CATEGORY);
  return {
    error: (message, fields = {}) => logger.error(message, fields),
    warn: (message, fields = {}) => logger.warning(message, fields),
    info: (message, fields = {}) => logger.info(message, fields),
    debug: (message, fields = {}) => logger.debug(message, fields),
    trace: (message, fields = {}) => logger.trace(message, fields),
  };
}

const CATEGORY = "pg-capture";

function toLogTapeLevel(level: LogLevel): LogRecord["level"] {
  return level === "warn" ? "warning" : level;
}

function fromLogTapeLevel(level: LogRecord["level"]): LogLevel {
  if (level === "warning") return "warn";
  return level === "fatal" ? "error" : level;
}

/** Takes the raw message: LogTape would read braces in it as places for values. */
function toMessage({ timestamp, level, rawMessage, properties }: LogRecord) {
  const message = typeof rawMessage === "string" ? rawMessage : rawMessage.join("");
  return { timeMs: timestamp, level: fromLogTapeLevel(level), message, fields: properties };
}
