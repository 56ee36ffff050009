// Records what a real Kafka answers to each request of the program: deno run -A tests/fuzz/record_kafka.ts
//
// One line for each answer: api key, version, the response's frame without its length, in hex.

import { fileURLToPath } from "node:url";
import { connect, createServer, type Socket } from "node:net";
import { cleanUp } from "../../dev/servers/janitor.ts";
import { startKafka } from "../../dev/servers/kafka.ts";
import { freePort } from "../../dev/servers/ports.ts";
import { KafkaInspection } from "../../src/sink/inspection.ts";
import { progressTopic } from "../../src/sink/topics.ts";
import { FrameSplitter } from "../support/kafka_tap.ts";
import { makeScramUser } from "../support/scram_user.ts";
import { login } from "../support/secured_kafka.ts";
import { createSinkBed, filled } from "../support/sink_bed.ts";

const FOREVER = new AbortController().signal;
const lines = new Map<string, string>();
const port = freePort();
// The broker advertises the recorder, so that all requests pass it.
await using kafka = await startKafka({
  security: { listeners: { SASL_PLAINTEXT: { protocol: "SASL_PLAINTEXT" } } },
  properties: { "connections.max.reauth.ms": 60_000 },
});
const target = Number(kafka.securedBootstrap("SASL_PLAINTEXT").split(":")[1]);
const server = createServer((client) => record(client, connect(target, "127.0.0.1")));
await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
await makeScramUser(kafka.bootstrap, { name: "bob", password: "secret", mechanism: "SCRAM-SHA-256" });
kafka.configure({
  "advertised.listeners": `PLAINTEXT://${kafka.bootstrap},SASL_PLAINTEXT://127.0.0.1:${port}`,
});
await kafka.stop();
await kafka.start();

const security = { sasl: login("SCRAM-SHA-256", "bob", "secret") };
await using bed = await createSinkBed({
  brokers: Promise.resolve(`127.0.0.1:${port}`),
  options: { security },
});
for (let seq = 1; seq <= 2; seq++) {
  const sink = bed.sink();
  await sink.open(FOREVER);
  const route = await sink.route(bed.topic("users"), FOREVER);
  await sink.write(filled(sink, route, [seq]), bed.progress(seq), FOREVER);
  sink.close();
}
using inspection = new KafkaInspection(bed.options.brokers, security);
const topics = [progressTopic(bed.prefix), bed.topic("users"), bed.topic("none")];
await inspection.layout(topics, FOREVER);
await inspection.missingAcls(topics, topics.slice(0, 1), bed.identity, FOREVER);
await inspection.settings(
  { resource: "topic", name: topics[1] ?? "", settings: ["cleanup.policy"] },
  FOREVER,
);
const file = fileURLToPath(new URL("./kafka_answers.txt", import.meta.url));
await Deno.writeTextFile(file, [...lines].map(([key, hex]) => `${key} ${hex}\n`).sort().join(""));
server.close();
await cleanUp();
Deno.exit();

/** Passes everything on, and keeps the first three different answers of each kind. */
function record(client: Socket, broker: Socket): void {
  const requests = new FrameSplitter();
  const responses = new FrameSplitter();
  const asked = new Map<number, string>();
  client.on("data", (bytes: Uint8Array) => {
    for (const frame of requests.push(bytes)) {
      const view = new DataView(frame.buffer, frame.byteOffset);
      asked.set(view.getInt32(8), `${view.getInt16(4)} ${view.getInt16(6)}`);
    }
    broker.write(bytes);
  });
  broker.on("data", (bytes: Uint8Array) => {
    for (const frame of responses.push(bytes)) {
      const key = asked.get(new DataView(frame.buffer, frame.byteOffset).getInt32(4));
      const kept = [1, 2, 3].map((nth) => `${key} ${nth}`).find((each) => !lines.has(each));
      if (kept !== undefined) lines.set(kept, frame.subarray(4).toHex());
    }
    client.write(bytes);
  });
  for (const [one, other] of [[client, broker], [broker, client]] as const) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroy());
  }
}
