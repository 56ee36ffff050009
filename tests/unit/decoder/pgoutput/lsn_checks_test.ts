// One changed bit in any LSN of the stream contradicts another LSN of it.

import { doesNotThrow, strictEqual, throws } from "node:assert";
import { ChangeDecoder } from "../../../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../../../src/decoder/formats/native/native_format.ts";
import { KnownDisorder } from "../../../../src/decoder/pgoutput/lsn_checks.ts";
import type { MessageBytes } from "../../../../src/decoder/pgoutput/message_bytes.ts";
import { CaptureError } from "../../../../src/core/errors.ts";
import {
  at,
  begin,
  commit,
  insert,
  logicalMessage,
  relation,
} from "../../../../dev/fixtures/pgoutput_bytes.ts";

const COLUMNS = [{ name: "id", type: 23, key: true }];
const COMMIT = 0x5000n;
const END = 0x5030n;

function decoderOf(disorder = new KnownDisorder()): ChangeDecoder {
  return new ChangeDecoder({ format: new NativeFormat("0", "d"), tombstones: false, disorder });
}

function feed(decoder: ChangeDecoder, ...messages: readonly MessageBytes[]): number[] {
  const numbers: number[] = [];
  for (const message of messages) {
    const decoded = decoder.decode(message);
    if (decoded === "relation") decoder.defineRelation(undefined, [{ kind: "base", name: "int4" }]);
    while (decoded === "change" && decoder.nextRecord()) numbers.push(decoder.seq);
  }
  return numbers;
}

/** An ordinary transaction with two rows and a message between them. */
function transaction(): readonly MessageBytes[] {
  return [
    at(0x4000n, begin(COMMIT, 0, 1)),
    relation(1, "public", "t", "d", COLUMNS),
    at(0x4000n, insert(1, ["1"])),
    logicalMessage(true, 0x4100n, "p", "x"),
    at(0x4200n, insert(1, ["2"])),
    commit(COMMIT, END),
  ];
}

function isCorrupt(error: unknown): boolean {
  return error instanceof CaptureError && error.kind === "postgres-corrupt";
}

Deno.test("a transaction as PostgreSQL sends it passes, and so does the next one, which begins where it ended", () => {
  const next = [at(END, begin(END, 0, 2)), commit(END, END + 0x30n)];
  doesNotThrow(() => feed(decoderOf(), ...transaction(), ...next));
});

Deno.test("each bit of the LSNs of Begin and Commit, flipped, is noticed by the transaction's end", () => {
  // The flags of Commit come before its LSNs; the headers' LSNs are not in the bytes.
  const fields = [[0, 1], [5, 2], [5, 10]] as const;
  for (const [index, offset] of fields) {
    for (let bit = 0; bit < 64; bit++) {
      const messages = transaction().map((message) => ({ ...message, bytes: message.bytes.slice() }));
      messages[index]!.bytes[offset + (bit >> 3)]! ^= 1 << (bit & 7);
      throws(
        () => feed(decoderOf(), ...messages),
        isCorrupt,
        `message ${index}, offset ${offset}, bit ${bit}`,
      );
    }
  }
});

Deno.test("a Commit or a logical message whose header says something else is noticed", () => {
  for (const index of [3, 5]) {
    const messages = [...transaction()];
    messages[index] = { ...messages[index]!, walStartLow: messages[index]!.walStartLow ^ 0x40 };
    throws(() => feed(decoderOf(), ...messages), isCorrupt);
  }
});

Deno.test("a transaction or message below what has ended is noticed", () => {
  const decoder = decoderOf();
  feed(decoder, ...transaction());
  throws(() => feed(decoder, begin(END - 1n, 0, 2)), isCorrupt);
  throws(() => feed(decoder, logicalMessage(false, END - 1n, "p", "x")), isCorrupt);
  decoder.ended(0x6000n);
  throws(() => feed(decoder, begin(0x5fffn, 0, 2)), isCorrupt);
  doesNotThrow(() => feed(decoder, begin(0x6000n, 0, 2)));
});

Deno.test("a change at its commit or beyond is noticed, whichever half of the LSN says so", () => {
  for (const lsn of [COMMIT, COMMIT + 1n, COMMIT + (1n << 32n)]) {
    const messages = [...transaction()];
    messages[4] = at(lsn, insert(1, ["2"]));
    throws(() => feed(decoderOf(), ...messages), isCorrupt);
  }
});

Deno.test("a change below the one before is an error the first time, and PostgreSQL's own order the second", () => {
  const disorder = new KnownDisorder();
  const messages = [...transaction()];
  messages[4] = at(0x3f00n, insert(1, ["2"]));
  throws(() => feed(decoderOf(disorder), ...messages), isCorrupt);
  const again = decoderOf(disorder);
  const numbers = feed(again, ...messages);
  strictEqual(numbers.every((number, index) => index === 0 || number > numbers[index - 1]!), true);
  strictEqual(again.wasMisread, false);
});

Deno.test("where it comes in order the second time, the first time was misread", () => {
  const disorder = new KnownDisorder();
  const messages = [...transaction()];
  messages[2] = at(0x4f00n, insert(1, ["1"]));
  throws(() => feed(decoderOf(disorder), ...messages), isCorrupt);
  const again = decoderOf(disorder);
  feed(again, ...transaction());
  strictEqual(again.wasMisread, true);
});
