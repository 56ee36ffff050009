// Writes to standard error, where logs go.

/** Writes the text. If standard error is closed, the text is lost and capture continues. */
export function writeStandardError(text: string): void {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(Deno.stderr.writeSync(rest));
  } catch {
    // There is nowhere else to report it.
  }
}
