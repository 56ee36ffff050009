// Where a command prints: results on standard output, and on a terminal what it is waiting for.

import { escapeControls, escapeEachLine } from "../observability/escape.ts";
import { maskSecrets, maskValue } from "../observability/mask.ts";

/** What a command may say. */
export interface CommandOutput {
  /** On standard output. @throws Deno.errors.BrokenPipe when nobody reads it any more */
  print(text: string): void;
  /** The same, as JSON in lines. */
  printJson(value: unknown): void;
  /** Waits for the promise; on a terminal, after two seconds, it is said what takes so long. */
  waiting<T>(doing: string, promise: Promise<T>): Promise<T>;
}

const QUIET_MS = 2_000;
const AGAIN_MS = 500;

/**
 * @param print writes to standard output
 * @param secrets that no output may hold
 * @param note writes to standard error, which is a terminal; undefined where it is none
 */
export function commandOutput(
  print: (text: string) => void,
  secrets: () => readonly string[],
  note: ((text: string) => void) | undefined,
): CommandOutput {
  return {
    print: (text) => print(maskSecrets(text, secrets())),
    printJson(value) {
      // Masked value by value: in the text, a short secret could be a part of JSON itself.
      const text = JSON.stringify(value, (_key, item) => maskValue(item, secrets()), 2);
      print(`${escapeEachLine(text)}\n`);
    },
    async waiting(doing, promise) {
      if (note === undefined) return await promise;
      const startedAt = performance.now();
      let said = false;
      const timer = setInterval(() => {
        const elapsedMs = performance.now() - startedAt;
        if (elapsedMs < QUIET_MS) return;
        said = true;
        note(`\r\u001b[2K${escapeControls(doing)}, ${Math.floor(elapsedMs / 1000)} s ...`);
      }, AGAIN_MS);
      try {
        return await promise;
      } finally {
        clearInterval(timer);
        if (said) note("\r\u001b[2K");
      }
    },
  };
}
