// The one door to standard error, where logs go.

/** Writes the text. When nobody reads standard error any more, it is lost: capturing goes on. */
export function writeStandardError(text: string): void {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(Deno.stderr.writeSync(rest));
  } catch {
    // There is no other place to say it.
  }
}
