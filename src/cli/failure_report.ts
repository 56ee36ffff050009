// Writes to standard error why the process ends with an error: one line, without secrets.

import { type Config, secretsToMask } from "../config/config.ts";
import { CaptureError } from "../core/errors.ts";
import { describeError } from "../observability/error_chain.ts";
import { formatLogLine, type LogFields, type LogFormat } from "../observability/log_line.ts";
import { VERSION } from "../version.ts";
import { exitCodeOf } from "./exit_code.ts";

/** Reports the error that ends the process. Masks secrets once the configuration is known. */
export class FailureReport {
  readonly #write: (text: string) => void;
  #format: LogFormat = "plain";
  #isDebug = false;
  #secrets: () => readonly string[] = () => [];

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  configure(config: Config): void {
    this.#format = config.logging.format;
    this.#isDebug = config.logging.level === "debug" || config.logging.level === "trace";
    this.#secrets = () => secretsToMask(config);
  }

  /** Writes what happened. @returns the exit code */
  report(error: unknown): number {
    if (error instanceof CaptureError) {
      this.#line(describeError(error), { fix: error.fix });
    } else {
      const stack = this.#isDebug && error instanceof Error ? error.stack : undefined;
      this.#line(`This is a bug in pg-capture ${VERSION}: ${describeError(error)}`, { stack });
    }
    return exitCodeOf(error);
  }

  #line(message: string, fields: LogFields): void {
    this.#write(
      formatLogLine(this.#format, { timeMs: Date.now(), level: "error", message, fields }, this.#secrets()),
    );
  }
}
