// What TLS has to know about the runtime.

const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);

/**
 * Before Deno 2.9 node:tls trusts the public authorities beside those it is given, tells of the server's certificate
 * and of none that was sent with it, and takes any signature for an unverified one.
 */
export const IS_OLD_RUNTIME = major < 2 || (major === 2 && minor < 9);
