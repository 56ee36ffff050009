// The program's logger: a small interface, implemented with LogTape.

import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import { formatLogLine, type LogFields, type LogFormat, type LogLevel } from "./log_line.ts";

export type { LogFields, LogFormat, LogLevel } from "./log_line.ts";

/**
 * Logs messages of five levels. The message is a constant sentence; details go into the fields, named in snake case.
 * Neither may hold a row's value.
 */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  trace(message: string, fields?: LogFields): void;
}

interface LoggerOptions {
  /** The least important level that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Writes a line that includes its newline. */
  readonly write: (line: string) => void;
  /** The secrets that no line may contain. Read for each line, because they can change. */
  readonly secrets: () => readonly string[];
}

/** Creates the process's logger. A previously created one stops writing. */
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

/** Uses the raw message: LogTape would treat braces in it as placeholders. */
function toMessage({ timestamp, level, rawMessage, properties }: LogRecord) {
  const message = typeof rawMessage === "string" ? rawMessage : rawMessage.join("");
  return { timeMs: timestamp, level: fromLogTapeLevel(level), message, fields: properties };
}
