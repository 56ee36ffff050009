// Checks that the runtime is safe for TLS.

import { CaptureError } from "./errors.ts";

const MAJOR_MIN = 2;
const MINOR_MIN = 9;

/**
 * Refuses to use TLS with an older Deno: its node:tls trusts the public authorities in addition to the given
 * ones, and accepts a handshake whose signature was not verified.
 * @param version Deno's version, such as `2.9.6`
 * @throws CaptureError `configuration`
 */
export function expectTlsRuntime(version: string = Deno.version.deno): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > MAJOR_MIN || (major === MAJOR_MIN && minor >= MINOR_MIN)) return;
  throw new CaptureError(
    "configuration",
    `Cannot use TLS: it needs Deno ${MAJOR_MIN}.${MINOR_MIN} or later`,
    {
      hint:
        `run pg-capture with Deno ${MAJOR_MIN}.${MINOR_MIN} or later, or an executable that it compiled; ` +
        `this is Deno ${version}`,
    },
  );
}
