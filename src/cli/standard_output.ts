// Standard output. It contains only the output that a command is asked for.

/** Writes the whole text. @throws Deno.errors.BrokenPipe when the reader is gone */
export function writeStandardOutput(text: string): void {
  writeStandardOutputBytes(new TextEncoder().encode(text));
}

/** Like `writeStandardOutput`, for bytes. */
export function writeStandardOutputBytes(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}
