// The replication stream's two directions: what is made of the server's bytes, and what it is told.

import { deepStrictEqual, match, rejects, strictEqual, throws } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { PostgresStream } from "../../../src/source/replication_stream.ts";
import type { RawConnection } from "../../../src/source/socket.ts";
import { readMessage, RowChange } from "../../../src/decoder/pgoutput/messages.ts";
import { NULL_COLUMN, type TupleColumns, UNCHANGED_COLUMN } from "../../../src/decoder/pgoutput/tuple.ts";
import { insert, join, logicalMessage, UNCHANGED, update } from "../../../dev/fixtures/pgoutput_bytes.ts";

const NEVER = new AbortController().signal;
const COPY_BOTH = frame("W", [0, 0, 0]);

class FakeConnection implements RawConnection {
  readonly written: Uint8Array[] = [];
  readonly #reads: (Uint8Array | null)[];
  closed = false;

  constructor(...reads: (Uint8Array | null)[]) {
    this.#reads = reads;
  }

  read(target: Uint8Array): Promise<number | null> {
    const next = this.#reads.shift();
    if (next === undefined) return new Promise(() => {});
    if (next === null) return Promise.resolve(null);
    const part = next.subarray(0, target.length);
    if (part.length < next.length) this.#reads.unshift(next.subarray(part.length));
    target.set(part);
    return Promise.resolve(part.length);
  }

  write(bytes: Uint8Array): Promise<void> {
    this.written.push(bytes.slice());
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
  }
}

async function startedOn(connection: RawConnection, messageBytesMax?: number): Promise<PostgresStream> {
  return await PostgresStream.start(
    connection,
    "START",
    { what: 'replication on slot "s"', now: () => 946_684_800_000 + 5, messageBytesMax },
    NEVER,
  );
}

Deno.test("a status update says what was received, and as flushed and applied only what may be forgotten", async () => {
  const connection = new FakeConnection(COPY_BOTH);
  const stream = await startedOn(connection);
  await stream.confirm(0x1_0000_0002n, 7n);
  const update = connection.written[1]!;
  const view = new DataView(update.buffer);
  deepStrictEqual([update[0], view.getUint32(1), update[5]], [0x64, 38, 0x72]);
  deepStrictEqual([view.getBigUint64(6), view.getBigUint64(14), view.getBigUint64(22)], [
    0x1_0000_0002n,
    7n,
    7n,
  ]);
  deepStrictEqual([view.getBigUint64(30), update[38], update.length], [5000n, 1, 39]);
});

Deno.test("XLogData and keepalives are read in place, in their order", async () => {
  const connection = new FakeConnection(
    COPY_BOTH,
    join([
      frame("d", [0x77, ...uint64(0x1_0000_00ffn), ...uint64(0x1_0000_00ffn), ...uint64(0n), 1, 2, 3]),
      frame("d", [0x6b, ...uint64(77n), ...uint64(0n), 1]),
    ]),
  );
  const stream = await startedOn(connection);
  strictEqual(stream.next(), "none");
  await stream.fill(NEVER);
  strictEqual(stream.next(), "xlog-data");
  deepStrictEqual([...stream.bytes.subarray(stream.start, stream.end)], [1, 2, 3]);
  deepStrictEqual([stream.walStartHigh, stream.walStartLow], [1, 0xff]);
  strictEqual(stream.next(), "keepalive");
  deepStrictEqual([stream.walEnd, stream.replyRequested], [77n, true]);
  strictEqual(stream.next(), "none");
});

Deno.test("a message larger than the buffer is read whole, and the buffer given back", async () => {
  const large = frame("d", [0x77, ...new Array(24).fill(0), ...new Array(1_600_000).fill(9)]);
  const cuts = [large.subarray(0, 800_000), large.subarray(800_000, 1_600_000), large.subarray(1_600_000)];
  const connection = new FakeConnection(
    COPY_BOTH,
    ...cuts,
    frame("d", [0x6b, ...uint64(1n), ...uint64(0n), 0]),
  );
  const stream = await startedOn(connection);
  const size = stream.bytes.length;
  let kind = stream.next();
  for (; kind === "none"; kind = stream.next()) await stream.fill(NEVER);
  strictEqual(stream.end - stream.start, 1_600_000);
  await stream.fill(NEVER);
  strictEqual(stream.next(), "keepalive");
  strictEqual(stream.bytes.length, size);
});

Deno.test("of a message above the bound the long values are left out as they come, in whatever pieces", async () => {
  const long = "x".repeat(1_600_000);
  const change = update(7, ["1", long, null, "end"], ["O", ["1", long, UNCHANGED, "old"]]);
  const logical = logicalMessage(true, 9n, "prefix", "y".repeat(1_600_000));
  const frames = [change, logical, insert(7, ["2", "b", null, "short"])].map(({ bytes, end }) =>
    frame("d", join([Uint8Array.of(0x77), new Uint8Array(24), bytes.subarray(0, end)]))
  );
  const whole = join(frames);
  for (const piece of [whole.length, 800_000, 50_021, 9_973]) {
    const reads = Array.from(
      { length: Math.ceil(whole.length / piece) },
      (_, index) => whole.subarray(index * piece, (index + 1) * piece),
    );
    const stream = await startedOn(new ChoppingConnection(COPY_BOTH, ...reads), 1_200_000);
    const found: unknown[] = [];
    while (found.length < 3) {
      while (stream.next() !== "none") {
        const row = new RowChange();
        const message = readMessage(stream.bytes, stream.start, stream.end, row);
        found.push(
          message.kind === "message"
            ? [stream.omittedBytes, message.prefix, message.contentEnd - message.contentStart]
            : [stream.omittedBytes, texts(stream.bytes, row.oldColumns), texts(stream.bytes, row.newColumns)],
        );
      }
      strictEqual(stream.bytes.length < 1_200_000, true);
      if (found.length < 3) await stream.fill(NEVER);
    }
    deepStrictEqual(found, [
      [3_200_008, ["1", UNCHANGED_COLUMN, UNCHANGED_COLUMN, "old"], [
        "1",
        UNCHANGED_COLUMN,
        NULL_COLUMN,
        "end",
      ]],
      [1_600_000, "prefix", 0],
      [0, [], ["2", "b", NULL_COLUMN, "short"]],
    ]);
  }
});

Deno.test("of a logical message's prefix no more than its beginning is held, in whole characters", async () => {
  const { bytes, end } = logicalMessage(true, 9n, `p${"ü".repeat(750_000)}end`, "content");
  const whole = frame("d", join([Uint8Array.of(0x77), new Uint8Array(24), bytes.subarray(0, end)]));
  const stream = await startedOn(new FakeConnection(COPY_BOTH, whole), 1_200_000);
  while (stream.next() === "none") await stream.fill(NEVER);
  const message = readMessage(stream.bytes, stream.start, stream.end, new RowChange());
  strictEqual(message.kind === "message" && message.prefix, `p${"ü".repeat(32 * 1024 - 1)}`);
  strictEqual(stream.omittedBytes, 1_500_004 - (64 * 1024 - 1) + "content".length);
});

function texts(bytes: Uint8Array, { count, starts, ends }: TupleColumns): (string | number)[] {
  return Array.from(
    { length: count },
    (_, column) =>
      starts[column]! < 0
        ? starts[column]!
        : new TextDecoder().decode(bytes.subarray(starts[column], ends[column])),
  );
}

/** Gives at most as much as there is room for. */
class ChoppingConnection extends FakeConnection {
  #rest = new Uint8Array(0);

  override async read(target: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      const whole = new Uint8Array(8_000_000);
      const count = await super.read(whole);
      if (count === null) return null;
      this.#rest = whole.subarray(0, count);
    }
    const given = this.#rest.subarray(0, target.length);
    target.set(given);
    this.#rest = this.#rest.subarray(given.length);
    return given.length;
  }
}

Deno.test("a message that only claims to be large buys no memory", async () => {
  const claim = new Uint8Array([0x64, 0x3f, 0xff, 0xff, 0xff, 0x77]);
  const stream = await startedOn(new ChoppingConnection(COPY_BOTH, claim, new Uint8Array(4_000_000)));
  for (let fills = 0; fills < 4; fills++) {
    await stream.fill(NEVER);
    strictEqual(stream.next(), "none");
  }
  strictEqual(stream.bytes.length <= 4 * 1024 * 1024, true, `${stream.bytes.length} bytes`);
});

Deno.test("the server's errors are told apart by their code", async () => {
  const cases: readonly [string, string, string][] = [
    ["55006", 'replication slot "s" is active for PID 4711', "slot-in-use"],
    ["55000", 'cannot read from logical replication slot "s"', "slot-unusable"],
    ["55000", 'can no longer access replication slot "s"', "slot-unusable"],
    ["55000", 'replication slot "s" was not created in this database', "slot-unusable"],
    ["55000", 'cannot use replication slot "s" for logical decoding', "postgres-unavailable"],
    ["42501", "permission denied", "postgres-refused"],
    ["57P01", "terminating connection due to administrator command", "postgres-unavailable"],
    ["22021", "invalid byte sequence for encoding", "poison-change"],
    ["22P05", "character with byte sequence 0x81 has no equivalent in encoding", "poison-change"],
    ["54000", "out of memory", "poison-change"],
  ];
  for (const [code, message, kind] of cases) {
    const connection = new FakeConnection(frame("E", ascii(`SERROR\0C${code}\0M${message}\0\0`)));
    await rejects(startedOn(connection), (error) => {
      strictEqual(error instanceof CaptureError && error.kind, kind, code);
      strictEqual((error as Error).message, `Cannot start replication on slot "s": ${message}`);
      return true;
    });
  }
});

Deno.test("only of a slot that is invalidated it is said that it may be dropped", async () => {
  const cases: readonly [string, string, RegExp, boolean][] = [
    ['cannot read from logical replication slot "s"', "This slot has been invalidated", /teardown/, true],
    ['can no longer access replication slot "s"', 'invalidated due to "wal_removed"', /teardown/, true],
    [
      'cannot use replication slot "s" for logical decoding',
      "This replication slot is being synchronized from the primary server.",
      /point PG_HOST at the primary, or promote/,
      false,
    ],
    ['replication slot "s" was not created in this database', "", /PG_SLOT_NAME/, false],
    ["cannot use physical replication slot for logical decoding", "", /PG_SLOT_NAME/, false],
  ];
  for (const [message, detail, hint, isLost] of cases) {
    const fields = `SERROR\0C55000\0M${message}\0D${detail}\0HSpecify another replication slot.\0\0`;
    await rejects(startedOn(new FakeConnection(frame("E", ascii(fields)))), (error) => {
      const found = (error as CaptureError).fix ?? "";
      match(found, hint);
      strictEqual(/drop|teardown/.test(found), isLost, found);
      return true;
    });
  }
});

Deno.test("a connection that ends, a stream that ends and malformed frames are errors, not hangs", async () => {
  const cases: readonly [Uint8Array | null, RegExp, string][] = [
    [null, /closed the connection/, "postgres-unavailable"],
    [frame("c", []), /shutting down/, "postgres-unavailable"],
    [frame("d", [0x3f]), /CopyData of kind 63/, "decoding"],
    [new Uint8Array([0x64, 0, 0, 0, 1]), /a message of -3 bytes/, "decoding"],
    [new Uint8Array([0x64, 0x7f, 0xff, 0xff, 0xff]), /a message of 2147483643 bytes/, "decoding"],
  ];
  for (const [bytes, message, kind] of cases) {
    const stream = await startedOn(new FakeConnection(COPY_BOTH, bytes));
    await rejects(async () => {
      await stream.fill(NEVER);
      stream.next();
    }, (error) => error instanceof CaptureError && error.kind === kind && message.test(error.message));
  }
});

Deno.test("a wait for bytes ends with its signal, and what comes later is not lost", async () => {
  const later = Promise.withResolvers<number>();
  let target: Uint8Array = new Uint8Array(0);
  const reads = [
    (into: Uint8Array) => (into.set(COPY_BOTH), Promise.resolve(COPY_BOTH.length)),
    (into: Uint8Array) => (target = into, later.promise),
  ];
  const connection: RawConnection = {
    read: (into) => reads.shift()!(into),
    write: () => Promise.resolve(),
    close() {},
  };
  const stream = await PostgresStream.start(connection, "START", { what: "", now: () => 0 }, NEVER);
  const stop = new AbortController();
  const waiting = stream.fill(stop.signal);
  setTimeout(() => stop.abort(new Error("stopped")), 5);
  await rejects(waiting, /stopped/);
  const keepalive = frame("d", [0x6b, ...uint64(8n), ...uint64(0n), 0]);
  target.set(keepalive);
  later.resolve(keepalive.length);
  await stream.fill(NEVER);
  strictEqual(stream.next(), "keepalive");
});

Deno.test("at the end it confirms, ends the copy, and waits for the server to have taken it", async () => {
  const connection = new FakeConnection(COPY_BOTH, frame("c", []));
  const stream = await startedOn(connection);
  await stream.finish(9n, 8n, 1000);
  strictEqual(new DataView(connection.written[1]!.buffer).getBigUint64(14), 8n);
  deepStrictEqual([...connection.written[2]!], [0x63, 0, 0, 0, 4]);
  strictEqual(connection.closed, true);
});

Deno.test("a warning that PostgreSQL 18 passes over a publication ends the stream, another notice does not", async () => {
  const notice = (severity: string, code: string) => [
    ...new TextEncoder().encode(`V${severity}\0C${code}\0Mskipped loading publication "p"\0\0`),
  ];
  const connection = new FakeConnection(
    COPY_BOTH,
    join([frame("N", notice("NOTICE", "55000")), frame("N", notice("WARNING", "01000"))]),
    frame("N", notice("WARNING", "55000")),
  );
  const stream = await startedOn(connection);
  await stream.fill(NEVER);
  strictEqual(stream.next(), "none");
  await stream.fill(NEVER);
  throws(
    () => stream.next(),
    (error) => error instanceof CaptureError && error.kind === "publication-missing",
  );
});

Deno.test("one flipped bit in a message's LSN contradicts the other one in its header", async () => {
  const lsn = 0x1_0000_00ffn;
  for (let bit = 0n; bit < 64n; bit++) {
    const flipped = lsn ^ (1n << bit);
    for (const [walStart, walEnd] of [[flipped, lsn], [lsn, flipped]] as const) {
      const message = frame("d", [0x77, ...uint64(walStart), ...uint64(walEnd), ...uint64(0n), 1]);
      const stream = await startedOn(new FakeConnection(COPY_BOTH, message));
      await stream.fill(NEVER);
      throws(
        () => stream.next(),
        (error) => error instanceof CaptureError && error.kind === "postgres-corrupt",
      );
    }
  }
});

function frame(tag: string, body: ArrayLike<number>): Uint8Array {
  const message = new Uint8Array(5 + body.length);
  message[0] = tag.charCodeAt(0);
  new DataView(message.buffer).setUint32(1, body.length + 4);
  message.set(body, 5);
  return message;
}

function uint64(value: bigint): number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return [...bytes];
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("what is here already can be looked at before it is its turn, and is not taken by that", async () => {
  const xlogData = (payload: number) => frame("d", [0x77, ...new Array(24).fill(0), payload]);
  const keepalive = frame("d", [0x6b, ...new Array(17).fill(0)]);
  const cutOff = xlogData(4).subarray(0, 20);
  const read = Uint8Array.from([...xlogData(1), ...xlogData(2), ...keepalive, ...xlogData(3), ...cutOff]);
  const stream = await startedOn(new FakeConnection(COPY_BOTH, read));
  await stream.fill(NEVER);
  const seen = () => {
    const payloads: number[] = [];
    stream.peek((bytes, start, end) => payloads.push(...bytes.subarray(start, end)));
    return payloads;
  };
  deepStrictEqual(seen(), [1, 2, 3]);
  strictEqual(stream.next(), "xlog-data");
  deepStrictEqual([stream.bytes[stream.start], ...seen()], [1, 2, 3]);
});
