// A Kafka cluster of one broker that follows a script: which request is answered with which error, or not at all.

import { BufferReader } from "../../src/sink/wire/buffer_reader.ts";
import { BufferWriter } from "../../src/sink/wire/buffer_writer.ts";
import { type Answer, apiKeyOf, FakeBroker, response } from "./fake_broker.ts";

export const Api = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  FindCoordinator: 10,
  ApiVersions: 18,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  EndTxn: 26,
} as const;

type ApiKey = typeof Api[keyof typeof Api];

/** What a request is answered with: an error code, the end of the connection, or an answer that omits something. */
export type Turn = number | "close" | "omit";

/** A record batch that came with a Produce. */
export interface SentBatch {
  readonly topic: string;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
  readonly isTransactional: boolean;
}

/** An EndTxn that came. */
export interface SentEnd {
  readonly transactionalId: string;
  readonly committed: boolean;
}

/** Every topic is there, with one partition. What the script does not mention is answered without an error. */
export class ScriptedCluster implements AsyncDisposable {
  /** The requests in their order, but for what every connection begins with. */
  readonly asked: ApiKey[] = [];
  readonly batches: SentBatch[] = [];
  readonly ends: SentEnd[] = [];
  readonly #broker = new FakeBroker((frame) => this.#answer(frame));
  readonly #turns = new Map<ApiKey, Turn[]>();
  #epoch = 0;

  get address() {
    return this.#broker.address;
  }

  /** The next requests of that kind are answered so. For Produce and AddPartitionsToTxn only the first topic is. */
  script(api: ApiKey, ...turns: Turn[]): void {
    this.#turns.set(api, turns);
  }

  count(api: ApiKey): number {
    return this.asked.filter((asked) => asked === api).length;
  }

  async [Symbol.asyncDispose]() {
    await this.#broker[Symbol.asyncDispose]();
  }

  #answer(frame: Uint8Array<ArrayBuffer>): Answer {
    const api = apiKeyOf(frame) as ApiKey;
    if (api !== Api.ApiVersions) this.asked.push(api);
    const turn = this.#turns.get(api)?.shift() ?? 0;
    if (turn === "close") return turn;
    const body = new BufferWriter();
    this.#write(api, turn, new BufferReader(frame, 8), body);
    return response(frame, body.chunks().flatMap((chunk) => [...chunk]));
  }

  #write(api: ApiKey, turn: number | "omit", request: BufferReader, body: BufferWriter): void {
    const errorCode = turn === "omit" ? 0 : turn;
    request.int32(); // correlation id
    request.string(); // client id
    switch (api) {
      case Api.ApiVersions:
        return writeVersions(body);
      case Api.Metadata:
        return this.#writeMetadata(request, body);
      case Api.FindCoordinator:
        body.int32(0);
        body.int16(errorCode);
        body.string(null);
        return this.#writeAddress(body);
      case Api.ListOffsets:
        body.int32(0);
        body.arrayLength(1);
        body.string("t");
        body.arrayLength(1);
        body.int32(0);
        body.int16(errorCode);
        body.int64(-1n);
        return body.int64(0n);
      case Api.Fetch:
        return writeNothingFetched(body, errorCode);
      case Api.InitProducerId:
        return writeProducer(body, errorCode, 7n, this.#epoch++);
      case Api.EndTxn:
        this.ends.push(sentEnd(request));
        return writeThrottledError(body, errorCode);
      case Api.AddPartitionsToTxn:
        return writePartitionResults(request, body, turn);
      case Api.Produce:
        return this.#writeProduced(request, body, turn);
    }
  }

  #writeMetadata(request: BufferReader, body: BufferWriter): void {
    const topics = request.array(2, () => request.string());
    body.int32(0);
    body.arrayLength(1);
    this.#writeAddress(body);
    body.string(null);
    body.string("cluster");
    body.int32(1);
    body.arrayLength(topics.length);
    for (const topic of topics) {
      body.int16(0);
      body.string(topic);
      body.boolean(false);
      body.arrayLength(1);
      body.int16(0);
      body.int32(0);
      body.int32(1); // the leader
      body.arrayLength(0);
      body.arrayLength(0);
    }
  }

  #writeAddress(body: BufferWriter): void {
    body.int32(1);
    body.string(this.address.host);
    body.int32(this.address.port);
  }

  #writeProduced(request: BufferReader, body: BufferWriter, turn: number | "omit"): void {
    request.tags();
    request.compactNullableString(); // transactional id
    request.skip(6); // acks, timeout
    const topics = request.compactArray(2, () => {
      const topic = request.compactString();
      request.compactArray(5, () => {
        request.int32();
        this.batches.push(sentBatch(topic, request.bytes(request.unsignedVarint() - 1)));
        request.tags();
      });
      request.tags();
      return topic;
    });
    const named = turn === "omit" ? topics.slice(1) : topics;
    body.noTags(); // of the header
    body.compactArrayLength(named.length);
    named.forEach((topic, index) => {
      body.compactString(topic);
      body.compactArrayLength(1);
      body.int32(0);
      body.int16(index === 0 && turn !== "omit" ? turn : 0);
      for (let field = 0; field < 3; field++) body.int64(-1n);
      body.compactArrayLength(0);
      body.compactString("a row's value, perhaps");
      body.noTags();
      body.noTags();
    });
    body.int32(0);
    body.noTags();
  }
}

/** As Kafka 4.1 has them. */
function writeVersions(body: BufferWriter): void {
  body.int16(0);
  const versions = { [Api.EndTxn]: 5, [Api.Produce]: 13, [Api.Fetch]: 10 };
  const keys = Object.values(Api);
  body.compactArrayLength(keys.length);
  for (const key of keys) {
    body.int16(key);
    body.int16(0);
    body.int16(versions[key as 0 | 1 | 26] ?? 4);
    body.noTags();
  }
  body.int32(0);
  body.noTags();
}

function sentBatch(topic: string, records: Uint8Array): SentBatch {
  const header = new DataView(records.buffer, records.byteOffset);
  return {
    topic,
    producerEpoch: header.getInt16(51),
    baseSequence: header.getInt32(53),
    recordCount: header.getInt32(57),
    isTransactional: (header.getInt16(21) & 0x10) !== 0,
  };
}

function sentEnd(request: BufferReader): SentEnd {
  request.tags(); // of the header
  const transactionalId = request.compactString();
  request.skip(10); // producer id, epoch
  return { transactionalId, committed: request.int8() === 1 };
}

/** The progress topic is empty. */
function writeNothingFetched(body: BufferWriter, errorCode: number): void {
  body.int32(0);
  body.int16(0);
  body.int32(0); // session
  body.arrayLength(1);
  body.string("t");
  body.arrayLength(1);
  body.int32(0);
  body.int16(errorCode);
  for (let offset = 0; offset < 3; offset++) body.int64(0n);
  body.arrayLength(0);
  body.int32(0);
}

function writeThrottledError(body: BufferWriter, errorCode: number): void {
  body.noTags(); // of the header
  body.int32(0);
  body.int16(errorCode);
  body.noTags();
}

function writeProducer(body: BufferWriter, errorCode: number, producerId: bigint, epoch: number): void {
  body.noTags(); // of the header
  body.int32(0);
  body.int16(errorCode);
  body.int64(errorCode === 0 ? producerId : -1n);
  body.int16(errorCode === 0 ? epoch : -1);
  body.noTags();
}

/** One refused partition keeps the others from being attempted. */
function writePartitionResults(request: BufferReader, body: BufferWriter, turn: number | "omit"): void {
  request.string();
  request.skip(10); // producer id, epoch
  const topics = request.array(2, () => {
    const topic = request.string();
    request.array(4, () => request.int32());
    return topic;
  });
  const named = turn === "omit" ? topics.slice(1) : topics;
  body.int32(0);
  body.arrayLength(named.length);
  named.forEach((topic, index) => {
    body.string(topic);
    body.arrayLength(1);
    body.int32(0);
    body.int16(turn === 0 || turn === "omit" ? 0 : index === 0 ? turn : OPERATION_NOT_ATTEMPTED);
  });
}

const OPERATION_NOT_ATTEMPTED = 55;
