// Looking at a cluster of several brokers: each broker is asked for its own settings.

import { strict as assert } from "node:assert";
import { KafkaInspection } from "../../../src/sink/inspection.ts";
import { BufferReader } from "../../../src/sink/wire/buffer_reader.ts";
import { BufferWriter } from "../../../src/sink/wire/buffer_writer.ts";
import { PLAINTEXT } from "../../../src/sink/wire/security.ts";
import { type Answer, apiKeyOf, FakeBroker, response } from "../../support/fake_broker.ts";

const FOREVER = new AbortController().signal;

const METADATA = 3;
const API_VERSIONS = 18;
const DESCRIBE_CONFIGS = 32;
const INVALID_REQUEST = 42;

Deno.test("a broker's settings are read from that broker, since others reject the request", async () => {
  const brokers: FakeBroker[] = [];
  const addresses = () => brokers.map(({ address }) => address);
  await using first = new FakeBroker((frame) => answer(0, frame, addresses()), { readOnce: false });
  await using second = new FakeBroker((frame) => answer(1, frame, addresses()), { readOnce: false });
  brokers.push(first, second);
  using inspection = new KafkaInspection([first.address], PLAINTEXT);
  for (const nodeId of [0, 1]) {
    const request = { resource: "broker", name: String(nodeId), settings: ["node.id"] } as const;
    const settings = await inspection.settings(request, FOREVER);
    assert.equal(settings?.get("node.id"), String(nodeId));
  }
});

/** As Kafka does: a broker rejects what is about another broker (ConfigHelper.describeConfigs). */
function answer(
  nodeId: number,
  frame: Uint8Array<ArrayBuffer>,
  addresses: readonly { readonly host: string; readonly port: number }[],
): Answer {
  const request = new BufferReader(frame, 12);
  const body = new BufferWriter();
  request.string(); // client id
  switch (apiKeyOf(frame)) {
    case API_VERSIONS:
      writeVersions(body);
      break;
    case METADATA:
      body.int32(0);
      body.arrayLength(addresses.length);
      addresses.forEach(({ host, port }, id) => {
        body.int32(id);
        body.string(host);
        body.int32(port);
        body.string(null);
      });
      body.string("cluster");
      body.int32(0);
      body.arrayLength(0);
      break;
    default:
      writeConfigs(nodeId, request, body);
  }
  return response(frame, body.chunks().flatMap((chunk) => [...chunk]));
}

function writeVersions(body: BufferWriter): void {
  body.int16(0);
  body.compactArrayLength(3);
  for (const [key, version] of [[METADATA, 4], [API_VERSIONS, 3], [DESCRIBE_CONFIGS, 1]] as const) {
    body.int16(key);
    body.int16(0);
    body.int16(version);
    body.noTags();
  }
  body.int32(0);
  body.noTags();
}

function writeConfigs(nodeId: number, request: BufferReader, body: BufferWriter): void {
  request.skip(5); // number of resources, resource type
  const name = request.string();
  const isOwn = name === String(nodeId);
  body.int32(0);
  body.arrayLength(1);
  body.int16(isOwn ? 0 : INVALID_REQUEST);
  body.string(null);
  body.int8(4);
  body.string(name);
  body.arrayLength(isOwn ? 1 : 0);
  if (!isOwn) return;
  body.string("node.id");
  body.string(name);
  for (let field = 0; field < 3; field++) body.int8(0);
  body.arrayLength(0);
}
