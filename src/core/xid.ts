// Transaction ids.

/**
 * Transaction ids have 32 bits and wrap around (PostgreSQL's manual, "Preventing Transaction ID Wraparound
 * Failures").
 */
export function isOlder(xid: number, than: number): boolean {
  return ((xid - than) | 0) < 0;
}
