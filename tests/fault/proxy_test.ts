// The proxy itself: what the other tests rely on when they say that a network did this or that.

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { FrameSplitter } from "../support/kafka_tap.ts";
import { KafkaApi, type Proxy, startProxy } from "../support/proxy.ts";
import { sharedServers } from "../support/servers.ts";

Deno.test("a good proxy gives every byte on, both ways", async () => {
  await using bed = await echoBed();
  const sent = crypto.getRandomValues(new Uint8Array(50_000));
  deepStrictEqual(await bed.exchange(sent), sent);
});

Deno.test("latency, slices and bandwidth make bytes late, and keep them in order", async () => {
  await using bed = await echoBed();
  const sent = crypto.getRandomValues(new Uint8Array(500));
  bed.proxy.set({ latencyMs: 60, jitterMs: 40 }, "to-server");
  bed.proxy.set({ sliceBytes: 1 }, "to-client");
  const started = performance.now();
  deepStrictEqual(await bed.exchange(sent), sent);
  ok(performance.now() - started >= 20);
  bed.proxy.heal();
  bed.proxy.set({ bytesPerSecond: 2_000 }, "to-client");
  const slowed = performance.now();
  deepStrictEqual(await bed.exchange(sent), sent);
  ok(performance.now() - slowed >= 200);
});

Deno.test("a stalled proxy keeps the bytes until it is healed; a black hole loses them for good", async () => {
  await using bed = await echoBed();
  bed.proxy.stall("to-client");
  const answer = bed.exchange(new Uint8Array([1, 2, 3]));
  strictEqual(await Promise.race([answer, delay(200)]), undefined);
  bed.proxy.heal();
  deepStrictEqual(await answer, new Uint8Array([1, 2, 3]));
  bed.proxy.blackHole();
  const lost = bed.exchange(new Uint8Array([4]));
  strictEqual(await Promise.race([lost, delay(100)]), undefined);
  bed.proxy.heal();
  strictEqual(await Promise.race([lost, delay(100)]), undefined);
  bed.proxy.reset();
  await rejects(lost);
});

Deno.test("a reset is a reset, and a refused connection is refused until connections are taken again", async () => {
  await using bed = await echoBed();
  const answer = bed.exchange(new Uint8Array([1]), 2);
  await delay(50);
  bed.proxy.reset();
  await rejects(answer, Deno.errors.ConnectionReset);
  await bed.proxy.refuse();
  await rejects(
    Deno.connect({ hostname: bed.proxy.host, port: bed.proxy.port }),
    Deno.errors.ConnectionRefused,
  );
  await bed.proxy.accept();
  (await Deno.connect({ hostname: bed.proxy.host, port: bed.proxy.port })).close();
});

Deno.test("frames are cut from bytes however they come", () => {
  const stream = new Uint8Array([0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1, 9]);
  for (let size = 1; size <= stream.length; size++) {
    const splitter = new FrameSplitter();
    const frames: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += size) {
      frames.push(...splitter.push(stream.slice(at, at + size)));
    }
    deepStrictEqual(frames.map((frame) => [...frame]), [[0, 0, 0, 2, 7, 8], [0, 0, 0, 0], [0, 0, 0, 1, 9]]);
  }
});

Deno.test("a broker behind it is found at its address alone, and chosen requests are held and released", async () => {
  const { brokers } = await sharedServers();
  await using proxy = await startProxy({ port: Number(brokers.split(":")[1]), protocol: "kafka" });
  const admin = kafkaClient(proxy.address).admin();
  try {
    await admin.connect();
    const held = proxy.intercept({ api: KafkaApi.Metadata, side: "request", action: "hold" });
    const cluster = admin.describeCluster();
    await held.caught;
    strictEqual(await Promise.race([cluster, delay(100)]), undefined);
    held.release();
    deepStrictEqual((await cluster).brokers.map(({ port }) => port), [proxy.port]);
    await held.answered;
    const lost = proxy.intercept({ api: KafkaApi.Metadata, side: "response", action: "reset" });
    const again = admin.describeCluster();
    await lost.caught;
    await rejects(again);
    ok((proxy.requests.get(KafkaApi.Metadata) ?? 0) >= 3);
  } finally {
    await admin.disconnect();
  }
});

interface EchoBed extends AsyncDisposable {
  readonly proxy: Proxy;
  /** Sends the bytes on the one connection, and reads as many back. */
  exchange(bytes: Uint8Array, count?: number): Promise<Uint8Array>;
}

async function echoBed(): Promise<EchoBed> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const echoing = echo(listener);
  const proxy = await startProxy({ port: listener.addr.port, protocol: "any" });
  const connection = await Deno.connect({ hostname: proxy.host, port: proxy.port });
  return {
    proxy,
    async exchange(bytes, count = bytes.length) {
      await connection.write(bytes);
      const received = new Uint8Array(count);
      for (let at = 0; at < count;) {
        const read = await connection.read(received.subarray(at));
        if (read === null) throw new Error("the connection was closed");
        at += read;
      }
      return received;
    },
    async [Symbol.asyncDispose]() {
      connection.close();
      await proxy[Symbol.asyncDispose]();
      listener.close();
      await echoing;
    },
  };
}

async function echo(listener: Deno.Listener): Promise<void> {
  const connections: Promise<void>[] = [];
  try {
    for await (const connection of listener) {
      connections.push(connection.readable.pipeTo(connection.writable).catch(() => {}));
    }
  } catch {
    // The listener was closed.
  }
  await Promise.all(connections);
}
