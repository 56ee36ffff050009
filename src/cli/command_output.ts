// Where a command prints: results to standard output and, on a terminal, what it is waiting for.

import { escapeControls, escapeEachLine } from "../observability/escape.ts";
import { maskSecrets, maskValue } from "../observability/mask.ts";
import { PLAIN, type Style } from "./style.ts";

/** The output of a command. */
export interface CommandOutput {
  /** The style of the printed text. */
  readonly style: Style;
  /** Writes to standard output. @throws Deno.errors.BrokenPipe when the reader is gone */
  print(text: string): void;
  /** Writes the value as indented JSON. */
  printJson(value: unknown): void;
  /** Waits for the promise. On a terminal, shows after two seconds what it is waiting for. */
  waiting<T>(activity: string, promise: Promise<T>): Promise<T>;
}

const QUIET_MS = 2_000;
const AGAIN_MS = 500;

/**
 * @param print writes to standard output
 * @param secrets the secrets that the output must not contain
 * @param note writes to standard error; undefined if that is not a terminal
 * @param outputStyle colors for standard output
 */
export function commandOutput(
  print: (text: string) => void,
  secrets: () => readonly string[],
  note: ((text: string) => void) | undefined,
  outputStyle: Style = PLAIN,
): CommandOutput {
  return {
    style: outputStyle,
    print: (text) => print(maskSecrets(text, secrets())),
    printJson(value) {
      // Masked value by value: in the whole text, a short secret could match part of the JSON syntax.
      const text = JSON.stringify(value, (_key, item) => maskValue(item, secrets()), 2);
      print(`${escapeEachLine(text)}\n`);
    },
    async waiting(activity, promise) {
      if (note === undefined) return await promise;
      const startedAt = performance.now();
      let shown = false;
      const timer = setInterval(() => {
        const elapsedMs = performance.now() - startedAt;
        if (elapsedMs < QUIET_MS) return;
        shown = true;
        note(`\r\u001b[2K${escapeControls(activity)}, ${Math.floor(elapsedMs / 1000)} s ...`);
      }, AGAIN_MS);
      try {
        return await promise;
      } finally {
        clearInterval(timer);
        if (shown) note("\r\u001b[2K");
      }
    },
  };
}
