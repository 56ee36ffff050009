// The first task of the pipeline, with a stream that is not there.

import { rejects, strictEqual } from "node:assert";
import { ChangeDecoder } from "../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../src/decoder/formats/native/native_format.ts";
import { CaptureError } from "../../src/core/errors.ts";
import { Batcher } from "../../src/pipeline/batcher.ts";
import { CountedUpTo } from "../../src/pipeline/counted.ts";
import { Deduplicator } from "../../src/pipeline/deduplicator.ts";
import { Intake, type IntakeParts } from "../../src/pipeline/intake.ts";
import type { Observer } from "../../src/pipeline/observer.ts";
import type { RelationsParts } from "../../src/pipeline/relation_descriptions.ts";
import type { Batch, ReplicationStream, SourceSession } from "../../src/pipeline/ports.ts";

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

function partsWith(stream: Partial<ReplicationStream>): IntakeParts {
  const limits = { lingerMs: 0, enoughBytes: 1, bufferBytesMax: 1, bufferRecordsMax: 1, idleProgressMs: 1 };
  const batch = { count: 0, bytes: 0 } as Batch;
  return {
    stream: stream as ReplicationStream,
    session: {} as SourceSession,
    decoder: new ChangeDecoder({ format: new NativeFormat("0", "d"), tombstones: false }),
    relations: {} as RelationsParts,
    batcher: new Batcher(limits, () => batch, START, () => 0),
    routeOf: () => Promise.reject(new Error("no route")),
    oversize: "stop",
    onDeadLetter: () => {},
    deduplicator: new Deduplicator(START, false),
    counted: new CountedUpTo(),
    observer: {} as Observer,
    now: () => 0,
    wallClock: () => 0,
    onKeepalive: () => {},
  };
}
