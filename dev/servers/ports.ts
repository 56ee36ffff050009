// Finds free TCP ports on 127.0.0.1 for servers that come back on the same port after a restart.

/** First and last port to choose from: below the range from which systems take the ports of outgoing connections. */
const PORT_MIN = 20_000;
const PORT_MAX = 31_999;
const PORTS = PORT_MAX - PORT_MIN + 1;
const TRIES_MAX = 200;

let next = Math.floor(Math.random() * PORTS);

/**
 * A free port, and never one that was given before: it may wait for its server to start, or to come back. Others who
 * look for ports begin elsewhere.
 *
 * Not one that the system gives for "port 0": a client that retries while the server is down could be given that very
 * port for its own end, connect to itself, and keep the server from coming back.
 */
export function freePort(): number {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = PORT_MIN + next++ % PORTS;
    if (isFree(port)) return port;
  }
  throw new Error(`Cannot find a free port: ${TRIES_MAX} in a row from ${PORT_MIN} to ${PORT_MAX} are taken`);
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
