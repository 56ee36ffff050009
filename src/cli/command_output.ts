// Where a command prints: results on standard output, and on a terminal what it is waiting for.

/** What a command may say. */
export interface CommandOutput {
  /** On standard output. @throws Deno.errors.BrokenPipe when nobody reads it any more */
  print(text: string): void;
  /** Waits for the promise; on a terminal, after two seconds, it is said what takes so long. */
  waiting<T>(doing: string, promise: Promise<T>): Promise<T>;
}

const QUIET_MS = 2_000;
const AGAIN_MS = 500;

/** @param note writes to standard error, which is a terminal; undefined where it is none */
export function commandOutput(
  print: (text: string) => void,
  note: ((text: string) => void) | undefined,
): CommandOutput {
  return {
    print,
    async waiting(doing, promise) {
      if (note === undefined) return await promise;
      const startedAt = performance.now();
      let said = false;
      const timer = setInterval(() => {
        const elapsedMs = performance.now() - startedAt;
        if (elapsedMs < QUIET_MS) return;
        said = true;
        note(`\r\u001b[2K${doing}, ${Math.floor(elapsedMs / 1000)} s ...`);
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
