// tx_seq says where in the WAL a change is, and grows.

import { deepStrictEqual, strictEqual } from "node:assert";
import { RecordNumbers } from "../../../../src/decoder/pgoutput/record_numbers.ts";

Deno.test("a change has its LSN as its number, and the rows of one WAL record the numbers that follow", () => {
  const numbers = new RecordNumbers();
  numbers.beginTransaction(0x1_0000_9000n);
  deepStrictEqual(
    [
      numbers.take(1, 0x100, 1),
      numbers.take(1, 0x100, 1),
      numbers.take(1, 0x100, 1),
      numbers.take(1, 0x180, 1),
    ],
    [0x1_0000_0100, 0x1_0000_0101, 0x1_0000_0102, 0x1_0000_0180],
  );
});

Deno.test("numbers that were taken are not given again", () => {
  const numbers = new RecordNumbers();
  numbers.beginTransaction(0x9000n);
  deepStrictEqual([numbers.take(0, 0x100, 2), numbers.take(0, 0x101, 2), numbers.take(0, 0x90, 1)], [
    0x100,
    0x102,
    0x104,
  ]);
});

Deno.test("they begin again with each transaction", () => {
  const numbers = new RecordNumbers();
  numbers.beginTransaction(0x9000n);
  numbers.take(0, 0x8000, 1);
  numbers.beginTransaction(0x9100n);
  strictEqual(numbers.take(0, 0x100, 1), 0x100);
});

Deno.test("they are exact and grow at the end of the LSNs, and across a multiple of 2^52", () => {
  for (const commitLsn of [0x0010_0000_0000_1000n, 0x7fff_ffff_ffff_f000n, 0xffff_ffff_ffff_f000n]) {
    const numbers = new RecordNumbers();
    numbers.beginTransaction(commitLsn);
    const taken = [commitLsn - 0x2000n, commitLsn - 0x1000n, commitLsn - 0x10n].map((lsn) =>
      numbers.take(Number(lsn >> 32n), Number(lsn & 0xffff_ffffn), 1)
    );
    strictEqual(taken.every(Number.isSafeInteger), true);
    deepStrictEqual([taken[1]! - taken[0]!, taken[2]! - taken[1]!], [0x1000, 0xff0]);
  }
});
