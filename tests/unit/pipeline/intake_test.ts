// The first task of the pipeline, with a stream that is not there.

import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { ChangeDecoder } from "../../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../../src/decoder/formats/native/native_format.ts";
import { CaptureError } from "../../../src/core/errors.ts";
import { Batcher } from "../../../src/pipeline/batcher.ts";
import { CountedUpTo } from "../../../src/pipeline/counted.ts";
import { Deduplicator } from "../../../src/pipeline/deduplicator.ts";
import { Intake, type IntakeParts } from "../../../src/pipeline/intake.ts";
import { publishTo } from "../../../src/pipeline/events.ts";
import type { RelationsParts } from "../../../src/pipeline/relation_descriptions.ts";
import type { Batch, ReplicationStream, Route, SourceSession } from "../../../src/pipeline/ports.ts";
import { FakeWorld, NO_SNAPSHOT_HOOKS } from "../../support/fake_ports.ts";
import { SimulatedClock } from "../../support/simulated_clock.ts";
import { begin, commit, insert, relation } from "../../../dev/fixtures/pgoutput_bytes.ts";

const START = { commitLsn: 0n, seq: 0, commitTimeMs: 0, endLsn: 0n };

Deno.test("an error that came with the answer to START_REPLICATION is noticed before more is waited for", async () => {
  let fills = 0;
  const stream: Partial<ReplicationStream> = {
    next() {
      throw new CaptureError("poison-change", "Cannot decode");
    },
    fill() {
      fills++;
      return new Promise(() => {});
    },
  };
  await rejects(
    new Intake(partsWith(stream)).run(new AbortController().signal),
    (error) => error instanceof CaptureError && error.kind === "poison-change",
  );
  strictEqual(fills, 0);
});

Deno.test("partitions that were added are used from the next transaction on, not in the middle of one", async () => {
  const world = new FakeWorld();
  const stop = new AbortController();
  const { source, events } = world.parts();
  const session = await source.connect(stop.signal);
  const used: number[] = [];
  const batch: Partial<Batch> = {
    count: 1,
    bytes: 1,
    fits: () => true,
    append: (route: Route) => used.push(route.partitions),
  };
  const limits = {
    lingerMs: 0,
    enoughBytes: 1,
    bufferBytesMax: 1e6,
    bufferRecordsMax: 1e6,
    idleProgressMs: 1e6,
  };
  let partitions = 1;
  const intake = new Intake({
    ...partsWith(await session.start(stop.signal)),
    session,
    events,
    batcher: new Batcher(limits, () => batch as Batch, START, new SimulatedClock()),
    routeOf: () => Promise.resolve({ topic: "t", partitions }),
  });
  const running = intake.run(stop.signal);
  const usedUntil = async (count: number) => {
    await world.clock.until(() => used.length >= count, () => `used ${used.join(", ")}`);
  };
  const key = [{ name: "id", type: 23, key: true }];
  world.send(begin(200n, 0, 1), relation(1, "public", "t", "d", key), insert(1, ["1"]));
  await usedUntil(1);
  partitions = 3;
  intake.partitionsAdded();
  world.send(insert(1, ["2"]), commit(200n, 210n), begin(300n, 0, 2), insert(1, ["3"]), insert(1, ["4"]));
  await usedUntil(4);
  deepStrictEqual(used, [1, 1, 3, 3]);
  stop.abort();
  await running;
});

function partsWith(stream: Partial<ReplicationStream>): IntakeParts {
  const limits = { lingerMs: 0, enoughBytes: 1, bufferBytesMax: 1, bufferRecordsMax: 1, idleProgressMs: 1 };
  const batch = { count: 0, bytes: 0 } as Batch;
  return {
    stream: stream as ReplicationStream,
    session: {} as SourceSession,
    decoder: new ChangeDecoder({ format: new NativeFormat("0", "d"), tombstones: false }),
    relations: {} as RelationsParts,
    batcher: new Batcher(limits, () => batch, START, new SimulatedClock()),
    routeOf: () => Promise.reject(new Error("no route")),
    oversize: "stop",
    deduplicator: new Deduplicator(START, false),
    counted: new CountedUpTo(),
    refused: undefined,
    events: publishTo([]),
    clock: new SimulatedClock(),
    snapshots: NO_SNAPSHOT_HOOKS,
    onKeepalive: () => {},
  };
}
