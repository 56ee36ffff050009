// Assertions: conditions that only a bug in this program can break.

/** @throws Error if `condition` is false */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`);
}
