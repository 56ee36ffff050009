// Which transactions a snapshot sees.

import { deepStrictEqual, strictEqual } from "node:assert";
import { Visibility } from "../../../src/core/visibility.ts";

Deno.test("it sees what ended before its first running transaction, and what is not running before its end", () => {
  const visibility = Visibility.parse("10:20:10,15")!;
  const seen = Array.from({ length: 12 }, (_, index) => 9 + index).filter((xid) => visibility.sees(xid));
  deepStrictEqual(seen, [9, 11, 12, 13, 14, 16, 17, 18, 19]);
  deepStrictEqual([...visibility.running], [10, 15]);
});

Deno.test("a transaction that has begun and that no later one has outlived is not named, and not seen", () => {
  const visibility = Visibility.parse("726:726:")!;
  strictEqual(visibility.sees(725), true);
  strictEqual(visibility.sees(726), false);
  strictEqual(visibility.running.size, 0);
});

Deno.test("its numbers have 64 bits, those of the stream 32, which wrap around", () => {
  const visibility = Visibility.parse("4294967294:4294967301:4294967294,4294967298")!;
  const around = [4294967293, 4294967294, 4294967295, 3, 4, 5, 2];
  deepStrictEqual(around.map((xid) => visibility.sees(xid)), [true, false, true, true, true, false, false]);
});

Deno.test("what is not a snapshot is none", () => {
  for (const text of ["", "1:2", "1:2:3,", "1:2:,3", "a:2:", "1:2:3:4", "1:-2:", " 1:2:"]) {
    strictEqual(Visibility.parse(text), undefined, text);
  }
});
