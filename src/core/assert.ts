// Assertions: what cannot be wrong unless the program is.

/** Throws when `condition` does not hold: a bug in this program, not something the world did. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`);
}
