// A logger that remembers the last warning or error, for the status page.

import { escapeControls } from "./escape.ts";
import type { LogFields, Logger } from "./logger.ts";
import { maskSecrets } from "./mask.ts";

/** A logged warning or error, without secrets. */
export interface Problem {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly level: "warn" | "error";
  readonly message: string;
  /** What to do about it; null if there is nothing to do but wait. */
  readonly fix: string | null;
}

/** Passes every message on and keeps the last problem. */
export class LastProblemLogger implements Logger {
  readonly #logger: Logger;
  readonly #secrets: () => readonly string[];
  readonly #wallClockMs: () => number;
  #last: Problem | null = null;

  /** @param wallClockMs milliseconds since 1970 */
  constructor(logger: Logger, secrets: () => readonly string[], wallClockMs: () => number) {
    this.#logger = logger;
    this.#secrets = secrets;
    this.#wallClockMs = wallClockMs;
  }

  /** Null if there was none. */
  get last(): Problem | null {
    return this.#last;
  }

  error(message: string, fields?: LogFields): void {
    this.#keep("error", message, fields);
    this.#logger.error(message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#keep("warn", message, fields);
    this.#logger.warn(message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#logger.info(message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#logger.debug(message, fields);
  }

  trace(message: string, fields?: LogFields): void {
    this.#logger.trace(message, fields);
  }

  #keep(level: "warn" | "error", message: string, fields: LogFields = {}): void {
    const { found, fix } = fields;
    this.#last = {
      atMs: this.#wallClockMs(),
      level,
      message: this.#clean(typeof found === "string" ? `${message}: ${found}` : message),
      fix: typeof fix === "string" ? this.#clean(fix) : null,
    };
  }

  #clean(text: string): string {
    return escapeControls(maskSecrets(text, this.#secrets()));
  }
}
