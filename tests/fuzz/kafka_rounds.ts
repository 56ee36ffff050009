// Connections to a broker whose answers are damaged: what a real one has said, changed, cut, or of another request.

import { strict as assert } from "node:assert";
import { CaptureError } from "../../src/core/errors.ts";
import type { Api } from "../../src/sink/wire/api.ts";
import { addPartitionsToTxn } from "../../src/sink/wire/apis/add_partitions_to_txn.ts";
import { clusterLayout } from "../../src/sink/wire/apis/cluster_layout.ts";
import { createTopics } from "../../src/sink/wire/apis/create_topics.ts";
import { describeConfigs } from "../../src/sink/wire/apis/describe_configs.ts";
import { endTxn } from "../../src/sink/wire/apis/end_txn.ts";
import { fetch } from "../../src/sink/wire/apis/fetch.ts";
import { findCoordinator } from "../../src/sink/wire/apis/find_coordinator.ts";
import { initProducerId } from "../../src/sink/wire/apis/init_producer_id.ts";
import { listOffsets } from "../../src/sink/wire/apis/list_offsets.ts";
import { metadata } from "../../src/sink/wire/apis/metadata.ts";
import { produce } from "../../src/sink/wire/apis/produce.ts";
import { Connection } from "../../src/sink/wire/connection.ts";
import type { KafkaSecurity } from "../../src/sink/wire/security.ts";
import { apiKeyOf, FakeBroker } from "../support/fake_broker.ts";
import { damage } from "./damage.ts";
import type { Random } from "./random.ts";

/** What was tried, and how it ended. */
export interface KafkaCounts {
  connections: number;
  answered: number;
  refused: number;
}

const REQUEST_TIMEOUT_MS = 100;
/** A login has up to four requests; the machine may be busy. */
const ROUND_MS_MAX = 10 * REQUEST_TIMEOUT_MS + 3_000;
const SECURITIES: readonly KafkaSecurity[] = [
  {},
  { sasl: { mechanism: "PLAIN", username: "bob", password: () => "secret" } },
  { sasl: { mechanism: "SCRAM-SHA-256", username: "bob", password: () => "secret" } },
];
const PRODUCER = { transactionalId: "t", producerId: 1n, producerEpoch: 1 };
const TOPICS = { topics: ["t"] };

/**
 * Opens connections and sends requests until the time is over.
 * @returns what broke the rules: an error that is not a CaptureError, or a wait that did not end
 */
export async function fuzzKafka(
  random: Random,
  durationMs: number,
  counts: KafkaCounts,
): Promise<string | undefined> {
  const answers = await readAnswers();
  await using broker = new FakeBroker((frame, write) => answer(random, answers, frame, write), {
    readOnce: false,
    isParallel: true,
  });
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {
    const startedMs = performance.now();
    counts.connections++;
    const found = await converse(random, broker, counts);
    if (found !== undefined) return found;
    const tookMs = performance.now() - startedMs;
    if (tookMs > ROUND_MS_MAX) return `a connection took ${Math.round(tookMs)} ms`;
  }
  return undefined;
}

async function converse(
  random: Random,
  broker: FakeBroker,
  counts: KafkaCounts,
): Promise<string | undefined> {
  const options = {
    clientId: "fuzz",
    connectTimeoutMs: 1_000,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    security: random.pick(SECURITIES),
  };
  const signal = new AbortController().signal;
  let connection: Connection | undefined;
  try {
    connection = await Connection.open(broker.address, options, signal);
    while (connection.isOpen && random.chance(0.95)) {
      await random.pick(REQUESTS)(connection, signal);
      counts.answered++;
    }
  } catch (error) {
    counts.refused++;
    if (!(error instanceof CaptureError)) return error instanceof Error ? error.stack : String(error);
    if (!error.kind.startsWith("kafka-")) return `${error.kind}: ${error.message}`;
  } finally {
    connection?.close();
  }
  return undefined;
}

type Send = (connection: Connection, signal: AbortSignal) => Promise<unknown>;

const REQUESTS: readonly Send[] = [
  send(metadata, TOPICS),
  send(clusterLayout, TOPICS),
  send(findCoordinator, { transactionalId: "t" }),
  send(initProducerId, { transactionalId: "t", transactionTimeoutMs: 1 }),
  send(addPartitionsToTxn, { ...PRODUCER, topics: [{ topic: "t", partitions: [0] }] }),
  send(endTxn, { ...PRODUCER, committed: true }),
  send(produce, { transactionalId: null, acks: -1, timeoutMs: 1, topics: [] }),
  send(fetch, { topic: "t", partition: 0, offset: 0n, bytesMax: 1 }),
  send(listOffsets, { topic: "t", partition: 0, position: "start" }),
  send(createTopics, { topics: [], timeoutMs: 1 }),
  send(describeConfigs, { resource: "topic", name: "t", settings: [] }),
];

function send<Request, Response>(api: Api<Request, Response>, request: Request): Send {
  return (connection, signal) => connection.request(api, request, signal);
}

/** Real answers, without the correlation id that they begin with, by api key and version. */
type Answers = ReadonlyMap<string, readonly { readonly bytes: Uint8Array }[]>;

async function readAnswers(): Promise<Answers> {
  const text = await Deno.readTextFile(new URL("./kafka_answers.txt", import.meta.url));
  const lines = text.trim().split("\n").map((line) => line.split(" "));
  return Map.groupBy(
    lines.map(([key, version, , hex = ""]) => ({
      of: `${key} ${version}`,
      bytes: Uint8Array.fromHex(hex).subarray(4),
    })),
    ({ of }) => of,
  );
}

function answer(
  random: Random,
  answers: Answers,
  request: Uint8Array<ArrayBuffer>,
  write: (bytes: Uint8Array) => void,
): Uint8Array | "close" | null {
  const key = `${apiKeyOf(request)} ${new DataView(request.buffer).getInt16(6)}`;
  const real = answers.get(key) ?? assert.fail(`no answer to ${key} is recorded`);
  const body = random.pick(real).bytes;
  const correlationId = request.subarray(8, 12);
  const rate = isGreeting(request) ? 0.1 : 0.4;
  if (!random.chance(rate)) return framed(correlationId, body);
  switch (random.below(7)) {
    case 0:
      return framed(correlationId, damage(random, body, [...answers.values()].flat()));
    case 1:
      return damage(random, framed(correlationId, body), real);
    case 2:
      return framed(crypto.getRandomValues(new Uint8Array(4)), body);
    case 3:
      write(framed(correlationId, body).subarray(0, random.below(body.length + 8)));
      return "close";
    case 4: // a length that claims much, then bytes without an end
      write(new Uint8Array([random.pick([0x00, 0x03, 0x04, 0x7f, 0xff]), 0xff, 0xff, 0xff]));
      return new Uint8Array(random.below(200_000));
    case 5:
      return new Uint8Array([...framed(correlationId, body), ...framed(correlationId, body)]);
    default:
      return null; // nothing at all
  }
}

/** What a connection begins with: more of these have to get through, for anything else to be reached. */
function isGreeting(request: Uint8Array<ArrayBuffer>): boolean {
  return [17, 18, 36].includes(apiKeyOf(request));
}

function framed(correlationId: Uint8Array, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array([0, 0, 0, 0, ...correlationId, ...body]);
  new DataView(frame.buffer).setInt32(0, frame.length - 4);
  return frame;
}
