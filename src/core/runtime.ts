// What this program requires of the runtime that it was compiled with.

/**
 * Why TLS cannot be used, or undefined if it can. Before version 2.9, node:tls of Deno trusts the public authorities
 * in addition to the ones that it is given, and does not report why it rejected a certificate.
 * @param version of Deno
 */
export function tlsObstacle(version: string = Deno.version.deno): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 2 || (major === 2 && minor >= 9)) return undefined;
  return `TLS needs Deno 2.9 or later, and this program was compiled with Deno ${version}`;
}
