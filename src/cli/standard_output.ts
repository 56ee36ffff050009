// Standard output, where only what a command is asked to print goes.

/** Writes all of it. @throws Deno.errors.BrokenPipe when nobody reads it any more */
export function writeStandardOutput(text: string): void {
  writeStandardOutputBytes(new TextEncoder().encode(text));
}

/** As `writeStandardOutput`, for what is UTF-8 already. */
export function writeStandardOutputBytes(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}
