// Keys of rows as the snapshot compares them.

import { utf8 } from "../../src/core/utf8.ts";
import { KeyBytes } from "../../src/pipeline/snapshot/row_key.ts";

export function keyBytes(values: readonly string[]): KeyBytes {
  const key = new KeyBytes();
  for (const value of values) {
    const bytes = utf8(value);
    key.append(bytes, 0, bytes.length);
  }
  return key;
}
